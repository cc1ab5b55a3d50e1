// The frame of all pages: what is looked at (files, selection), where one can go, keys, light and dark.
import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { visible, time } from "./format";
import { keyList, useKey } from "./keys";
import { Folder } from "./folder";
import { PAGES, type PageRow } from "./pages";
import { Search } from "./parts/Search";
import { change, go, link, useRoute } from "./route";
import type { FileInfo, Source } from "./source";
import { setTheme, theme } from "./theme";

/** A page that fails takes no other one with it. */
class Fence extends Component<{ children: ComponentChildren }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    return error ? (
      <p class="failed" role="alert">
        This page failed: {error.message}
      </p>
    ) : (
      this.props.children
    );
  }
}

export function App({ source }: { source: Source }) {
  return source.mode === "folder" ? <Folder source={source} /> : <Viewer source={source} />;
}

function Viewer({ source }: { source: Source }) {
  const route = useRoute();
  const page = PAGES.find((one) => one.id === route.page) ?? PAGES[0]!;
  const file = source.files[Number(route.params.file ?? 0)] ?? source.files[0];
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = file ? `${page.title} · ${file.name} · tonnage` : "tonnage";
  }, [page, file]);
  useEffect(() => main.current?.scrollTo(0, 0), [page]);
  useEffect(() => {
    document.documentElement.dataset.shown = location.hash; // for tests: what is drawn is what the address says
  }, [route]);
  const why = file ? page.needs(file, source.files) : "There is no file in it.";
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        To the page
      </a>
      <header>
        <Files source={source} />
        <Search />
        <Switches />
        <nav aria-label="Pages">
          {PAGES.filter((one) => one.key).map((one) => (
            <Tab key={one.id} row={one} here={one === page} file={file} files={source.files} />
          ))}
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <h1>{page.title}</h1>
        {why ? (
          <p class="empty">{why}</p>
        ) : (
          <Fence key={page.id}>
            <page.Page route={route} source={source} />
          </Fence>
        )}
      </main>
    </>
  );
}

function Tab({
  row,
  here,
  file,
  files,
}: {
  row: PageRow;
  here: boolean;
  file: FileInfo | undefined;
  files: FileInfo[];
}) {
  const why = file ? row.needs(file, files) : null;
  const element = useRef<HTMLAnchorElement>(null);
  useKey(row.key, row.title, () => go(row.id));
  useEffect(() => {
    if (here) element.current?.scrollIntoView({ block: "nearest", inline: "nearest" }); // in a narrow window
  }, [here]);
  return (
    <a
      ref={element}
      href={link(row.id)}
      class={why ? "absent" : ""}
      title={why ?? undefined}
      aria-current={here ? "page" : undefined}
    >
      {row.title}
    </a>
  );
}

function Files({ source }: { source: Source }) {
  const { file = "0", against = "" } = useRoute().params;
  const { files } = source;
  const option = (one: FileInfo) => (
    <option key={one.index} value={String(one.index)}>
      {visible(one.name, 60)} · {time(one.wall_time_ns)}
    </option>
  );
  const back = source.folder && <a href={source.folder}>All files</a>;
  if (files.length < 2)
    return (
      <p class="files">
        {back}
        <strong>{visible(files[0]?.name ?? "", 80)}</strong>
      </p>
    );
  return (
    <div class="files">
      {back}
      <label for="file">File</label>
      <select id="file" value={file} onChange={(event) => change({ file: event.currentTarget.value })}>
        {files.map(option)}
      </select>
      <label for="against">against</label>
      <select id="against" value={against} onChange={(event) => change({ against: event.currentTarget.value })}>
        <option value="">nothing</option>
        {files.filter((one) => String(one.index) !== file).map(option)}
      </select>
    </div>
  );
}

export function Switches() {
  const [now, setNow] = useState(theme);
  const other = now === "dark" ? "light" : "dark";
  const dialog = useRef<HTMLDialogElement>(null);
  const turn = () => {
    setTheme(other);
    setNow(other);
  };
  useKey("?", "this list", () => dialog.current?.showModal());
  useKey("t", "light or dark", turn);
  return (
    <div class="switches">
      <button type="button" onClick={turn} aria-label={`Show it ${other}`}>
        {now === "dark" ? "☀" : "☾"}
      </button>
      <button type="button" onClick={() => dialog.current?.showModal()} aria-label="Keys">
        ?
      </button>
      <dialog ref={dialog} aria-label="Keys">
        <h2>Keys</h2>
        <dl>
          {keyList().map(({ key, what }) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
          <div>
            <dt>
              <kbd>↑</kbd> <kbd>↓</kbd>
            </dt>
            <dd>in a table: from row to row; PageUp, PageDown, Home, End</dd>
          </div>
          <div>
            <dt>
              <kbd>→</kbd> <kbd>←</kbd>
            </dt>
            <dd>in a tree: open, close or to the row above</dd>
          </div>
          <div>
            <dt>
              <kbd>Enter</kbd>
            </dt>
            <dd>opens the row</dd>
          </div>
          <div>
            <dt>
              <kbd>Esc</kbd>
            </dt>
            <dd>closes this, leaves the selection as it was</dd>
          </div>
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </div>
  );
}
