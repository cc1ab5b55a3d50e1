"""The recorder is started, stopped, cleared and found gone: what it says afterwards is right all the same."""

from __future__ import annotations

from pathlib import Path

from trace_support import answer


def test_a_child_that_starts_after_its_parent_stopped_has_a_record_for_each_thread(tmp_path: Path) -> None:
    code = """
        import json, os, sys, threading
        from tonnage import trace, _capture

        trace.start(), trace.stop()
        said, go = [], threading.Event()
        def told():
            x = bytearray(500)
            said.append([trace.site_of(x).frames[-1].name, _capture.trace_cost()["threads"]])
        def work(ready):
            told(), ready.set(), go.wait()
        if (pid := os.fork()) == 0:
            trace.start()
            told()
            threads = []
            for _ in range(3):
                ready = threading.Event()
                threads.append(threading.Thread(target=work, args=(ready,), name="worker"))
                threads[-1].start(), ready.wait()
                told()
            go.set()
            [t.join() for t in threads]
            print(json.dumps(said))
        else:
            os.waitpid(pid, 0)
    """
    main, worker = "<main thread>", "<thread worker>"
    assert answer(code, tmp_path) == [[main, 1], [worker, 2], [main, 2], [worker, 3], [main, 3], [worker, 4], [main, 4]]


def test_where_the_interpreter_is_refused_no_object_has_a_site(library: Path, tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, FileError

        said = []
        try:
            trace.start()
        except FileError as error:
            said.append(str(error))
        said += [trace.is_on(), trace.site_of(said), trace.memory().traced]
        trace.stop(), trace.clear(), trace.reset_peak()
        print(json.dumps(said))
    """
    preloaded = {"LD_PRELOAD": str(library), "TONNAGE_FAIL": "open:1+:EMFILE"}
    message, *rest = answer(code, tmp_path, **preloaded)
    assert "/proc/self/maps" in message
    assert rest == [False, None, 0]


def test_another_interpreter_whose_snapshot_is_refused_is_not_collected(tmp_path: Path) -> None:
    code = """
        import json, os, sys
        import tonnage
        from tonnage import trace
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters

        # one that shares our lock: in others tonnage cannot be imported
        shared = {11: (), 12: ()}.get(sys.version_info[1], ("legacy",))
        other = interpreters.create(*shared, **({"isolated": False} if sys.version_info[1] == 12 else {}))
        trace.start(free_lists="flush")
        interpreters.run_string(other, '''if True:
            import gc, tonnage
            gc.set_threshold(1 << 30)
            class Noisy:
                def __del__(self): open("noise", "a").write("finalizer ")
            noisy = Noisy()
            noisy.me = noisy
            del noisy
            gc.callbacks.append(lambda *words: open("noise", "a").write("callback "))
            for refused in lambda: tonnage.snapshot("x.tonnage"), tonnage.trace.clear, tonnage.trace.reset_peak:
                try:
                    refused()
                    open("noise", "a").write("done ")
                except tonnage.Error as error:
                    open("noise", "a").write("refused ")
            gc.callbacks.clear(), gc.collect()
        ''')
        print(json.dumps(open("noise").read().split()))
        interpreters.destroy(other)
    """
    assert answer(code, tmp_path) == ["refused", "done", "done", "finalizer"]
