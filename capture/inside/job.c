/* job.c - a capture from its pause to the finished file. No Python.h.
 *
 *   mode stop:  begin walks          finish writes what was found
 *   mode fork:  begin forks          finish tells the child about its parent    wait sees it end
 *               (child.c walks and writes)
 */
#include "inside/inside.h"
#include "record/sampler.h"

struct tn_job {
    tn_save save;
    tn_capture_options options;
    tn_walk *w; /* in place */
    tn_process_report *process;
    tn_child_area *child; /* forked */
};

static int walk_here(tn_job *job, tn_inside *inside, tn_error *err)
{
    uint64_t pool_bytes = tn_inside_pool_bytes(inside);
    tn_capture_times *times = &job->save.times;
    TN_TRY(tn_inside_map(inside, err));
    job->options.walk.data_bytes = TN_DATA_IN_PAUSE;
    int status = tn_walk_run(&inside->target, &job->options.walk, job->save.alloc, &job->w, err);
    if (status == 0)
        status = tn_traced_take(job->w, job->options.walk.redact, !job->options.sums, &job->save.traced, err);
    times->pause_ns = tn__sys_monotonic_ns() - times->monotonic_ns;
    if (status == 0 && !job->options.walk.from)
        tn_choose_learn(pool_bytes, times->pause_ns);
    return status;
}

/* Where no process can be made the walk is done in place, unless a fork was asked for. */
static int fork_or_walk(tn_job *job, tn_inside *inside, tn_error *err)
{
    int status = tn_child_start(inside, &job->save, &job->child, err);
    if (status == 0 || job->options.mode == TN_MODE_FORK)
        return status;
    job->save.choice = (tn_choice){TN_MODE_STOP, "no process could be forked"};
    return walk_here(job, inside, err);
}

int tn_job_begin(tn_inside *inside, const tn_capture_options *options, const tn_room *room, const tn_alloc *alloc,
                 tn_job **out, tn_error *err)
{
    tn_capture_times times = {
        .wall_ns = tn__sys_wall_ns(),
        .monotonic_ns = tn__sys_monotonic_ns(),
        .rss_bytes = tn_process_rss(),
    };
    tn_choice choice;
    TN_TRY(tn_inside_begin(inside, err));
    TN_TRY(tn_choose(inside, options, room, times.rss_bytes, &choice, err));
    tn_sampler_settle();
    tn_job *job = tn__alloc_zero(alloc, sizeof *job);
    if (!job)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to begin a snapshot");
    job->options = *options;
    int status = tn_timeline_freeze(&job->save.timeline, err);
    job->options.walk.owners = tn_record_mode() != TN_RECORD_OFF;
    job->save = (tn_save){inside, &job->options, alloc, choice, times, job->save.timeline, NULL};
    if (options->walk.scan && !options->walk.from)
        tn_inside_open_areas(inside, (uintptr_t)__builtin_frame_address(0));
    if (status == 0)
        status = choice.mode == TN_MODE_FORK ? fork_or_walk(job, inside, err) : walk_here(job, inside, err);
    tn_inside_close_areas(inside);
    if (status < 0) {
        tn_job_free(job);
        return status;
    }
    *out = job;
    return 0;
}

static int save_tracked(const tn_capture_options *o, tn_writer *writer, tn_error *err)
{
    for (uint32_t i = 0; i < o->n_tracked; i++)
        TN_TRY(tn_writer_table(writer, "TRAK", o->tracked[i].bytes, o->tracked[i].n_bytes, o->tracked[i].n_rows, err));
    return 0;
}

int tn_save_file(const tn_save *save, tn_walk *w, tn_report_source report, void *ctx, tn_error *err)
{
    const tn_capture_options *o = save->options;
    tn_writer *writer = NULL;
    tn_walk_report walked;
    tn_walk_get_report(w, &walked);
    if (o->path)
        TN_TRY(tn_writer_open(o->path, o->force, 1, tn_walk_alloc(w), &writer, err));
    else
        TN_TRY(tn_writer_open_fd(o->fd, 1, tn_walk_alloc(w), &writer, err));
    int status = tn_traced_save(save->traced, w, writer, err);
    if (status == 0)
        status = tn_walk_save(w, writer, err);
    if (status == 0)
        status = tn_timeline_save(&save->timeline, writer, err);
    if (status == 0)
        status = save_tracked(o, writer, err);
    if (status == 0)
        status = tn_facts_save(save, &walked, report(ctx), w, writer, err);
    if (status == 0)
        return tn_writer_commit(writer, err);
    tn_writer_abort(writer);
    return status;
}

static const tn_process_report *read_report(void *ctx)
{
    const tn_job *job = ctx;
    tn_process_report_read(job->process, job->save.inside->target.glibc);
    return job->process;
}

static int save_here(tn_job *job, tn_error *err)
{
    job->process = tn__alloc(&tn__alloc_pages, sizeof *job->process);
    if (!job->process)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    int status = tn_save_file(&job->save, job->w, read_report, job, err);
    tn__free(&tn__alloc_pages, job->process, sizeof *job->process);
    tn_traced_free(job->save.traced);
    job->save.traced = NULL;
    tn_walk_free(job->w);
    job->w = NULL;
    return status;
}

int tn_job_finish(tn_job *job, bool *done, tn_error *err)
{
    if (job->child) {
        tn_child_tell(job->child, &job->save);
        return tn_job_wait(job, 0, done, err);
    }
    int status = save_here(job, err);
    *done = status == 0;
    return status;
}

int tn_job_wait(tn_job *job, uint32_t milliseconds, bool *done, tn_error *err)
{
    int status = 0;
    *done = !job->child || tn_child_ended(job->child, milliseconds, &status, err);
    return status;
}

void tn_job_free(tn_job *job)
{
    if (!job)
        return;
    tn_traced_free(job->save.traced);
    tn_walk_free(job->w);
    tn_child_forget(job->child);
    tn_timeline_release(&job->save.timeline);
    tn__free(job->save.alloc, job, sizeof *job);
}
