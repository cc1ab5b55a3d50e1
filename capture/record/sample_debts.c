/* sample_debts.c - see sample_state.h: what a thread has run is paid to where it was seen running. */
#include "record/sample_state.h"

/* If the thread did not run while it was looked at, it stood aside for us, or has waited for our processor since it slept: such a
 * look counts little beside those that are sure. */
enum { SURE = 64 };

/* To all that is due, by weight. */
static void pay(tn_watched *w)
{
    enum tn_sample_clock clock = tn__sampled.clock;
    uint64_t weight = 0;
    for (uint32_t i = 0; i < w->n_due; i++)
        weight += w->due[i].weight;
    for (uint32_t i = 0; i < w->n_due; i++) {
        double part = (double)w->due[i].weight / (double)weight;
        uint64_t cpu = (uint64_t)((double)w->debt_ns * part), user = (uint64_t)((double)w->debt_user_ns * part);
        uint64_t ns = clock == TN_SAMPLE_PROF ? cpu : clock == TN_SAMPLE_VIRTUAL ? user : 0;
        tn__sample_add(w->due[i].row, 0, ns, cpu);
        w->debt_ns -= cpu;
        w->debt_user_ns -= user;
        weight -= w->due[i].weight;
    }
    w->n_due = w->n_looks = 0;
    w->enough = w->enough < TN_DUE / 2 ? 2 * w->enough : TN_DUE;
}

void tn__sample_owe(tn_watched *w, uint32_t row, uint64_t ticks, bool sure)
{
    tn_due *last = w->n_due ? &w->due[w->n_due - 1] : NULL;
    uint64_t weight = sure ? SURE * ticks : ticks;
    if (last && last->row == row)
        last->weight += weight;
    else
        w->due[w->n_due++] = (tn_due){row, weight};
    w->enough = w->enough ? w->enough : 1;
    if (++w->n_looks >= w->enough)
        pay(w);
}

void tn__sample_pay_rest(tn_watched *w)
{
    if (w->n_looks == 0 && w->last)
        w->due[w->n_due++] = (tn_due){w->last, 1};
    pay(w);
}
