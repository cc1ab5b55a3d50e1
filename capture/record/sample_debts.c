/* sample_debts.c - see sample_state.h: what a thread has run is paid to where it was seen running. */
#include "record/sample_state.h"

/* To all looks that are due, by their ticks. Of what is left the last one gets all: nothing is lost to rounding. */
void tn__sample_pay(tn_watched *w)
{
    enum tn_sample_clock clock = tn__sampled.clock;
    uint64_t left = 0;
    for (uint32_t i = 0; i < w->n_due; i++)
        left += w->due[i].ticks;
    for (uint32_t i = 0; i < w->n_due; i++) {
        double part = (double)w->due[i].ticks / (double)left;
        uint64_t cpu = (uint64_t)((double)w->debt_ns * part), user = (uint64_t)((double)w->debt_user_ns * part);
        uint64_t ns = clock == TN_SAMPLE_PROF ? cpu : clock == TN_SAMPLE_VIRTUAL ? user : 0;
        tn__sample_add(w->due[i].row, 0, ns, cpu);
        w->debt_ns -= cpu;
        w->debt_user_ns -= user;
        left -= w->due[i].ticks;
    }
    w->n_due = w->n_looks = 0;
}

void tn__sample_owe(tn_watched *w, uint32_t row, uint64_t ticks)
{
    tn_due *newest = w->n_due ? &w->due[w->n_due - 1] : NULL;
    if (newest && newest->row == row)
        newest->ticks += ticks;
    else
        w->due[w->n_due++] = (tn_due){row, ticks};
    w->enough = w->enough ? w->enough : 1;
    if (++w->n_looks >= w->enough) {
        tn__sample_pay(w);
        w->enough = w->enough < TN_DUE / 2 ? 2 * w->enough : TN_DUE;
    }
}

void tn__sample_pay_rest(tn_watched *w)
{
    if (w->n_looks == 0 && w->last_row)
        w->due[w->n_due++] = (tn_due){w->last_row, 1};
    tn__sample_pay(w);
}
