/* test_lives.c - lives against a model that knows every address there may be. */
#include "record/lives.h"

#include "suite.h"

#include <string.h>

enum { PLACES = 20000, STEPS = 400000, KINDS = 3 };
static const uint64_t FIRST = 0x7f0123400000, TYPE = 0x5000;

typedef struct place {
    uint64_t serial; /* 0: nothing followed here */
    uint32_t kind, before, stack;
} place;

static struct {
    place at[PLACES];
    uint64_t serial, born[KINDS], died[KINDS], morphed[KINDS];
    uint32_t kinds[KINDS];
} model;

/* 64 bytes each, and now and then far away. */
static uint64_t block_at(uint32_t i)
{
    return FIRST + 64ull * i + (i % 7 == 0 ? 0x3000000000ull : 0);
}

static uint64_t state = 88172645463325252ull;
static uint32_t chance(uint32_t n)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static void born(uint32_t i, bool found)
{
    uint32_t k = chance(KINDS), before = 16 * chance(3);
    uint64_t block = block_at(i);
    place *p = &model.at[i];
    if (found && p->serial) {
        assert_int_equal(tn_lives_found(model.kinds[k], block, before), p->serial);
        return;
    }
    if (p->serial)
        model.died[p->kind]++;
    *p = (place){++model.serial, k, before, found ? 0 : chance(1000)};
    model.born[k]++;
    uint64_t serial =
        found ? tn_lives_found(model.kinds[k], block, before) : tn_lives_born(model.kinds[k], block, before, p->stack);
    assert_int_equal(serial, model.serial);
}

static void freed(uint32_t i)
{
    place *p = &model.at[i];
    uint64_t block = block_at(i);
    bool morphs = chance(4) == 0;
    assert_int_equal(tn_lives_maybe(block), p->serial != 0);
    if (!p->serial)
        return;
    tn_lives_end(tn_lives_at(block), TYPE + p->kind + (morphs ? 100 : 0));
    model.died[p->kind]++;
    model.morphed[p->kind] += morphs;
    tn_death last;
    assert_true(tn_lives_death(UINT64_MAX, &last) == 0);
    p->serial = 0;
}

static void moved(uint32_t i, uint32_t j)
{
    place *p = &model.at[i];
    if (!p->serial || i == j)
        return;
    if (model.at[j].serial) /* whose end nobody told of */
        model.died[model.at[j].kind]++;
    tn_lives_move(tn_lives_at(block_at(i)), block_at(j));
    model.at[j] = *p;
    p->serial = 0;
}

static bool count(void *ctx, const tn_life *life)
{
    assert_true(life->serial > 0);
    ++*(uint64_t *)ctx;
    return true;
}

static void check(void)
{
    uint64_t alive = 0, seen = 0;
    for (uint32_t i = 0; i < PLACES; i++) {
        const place *p = &model.at[i];
        const tn_life *life = tn_lives_at(block_at(i));
        assert_int_equal(life != NULL, p->serial != 0);
        alive += p->serial != 0;
        if (p->serial) {
            assert_int_equal(life->serial, p->serial);
            assert_int_equal(life->kind, model.kinds[p->kind]);
            assert_int_equal(life->before, p->before);
            assert_int_equal(life->stack, p->stack);
        }
    }
    tn_lives_each(count, &seen);
    assert_int_equal(seen, alive);
    tn_lives_cost cost;
    tn_lives_cost_now(&cost);
    assert_int_equal(cost.lives, alive);
    for (uint32_t k = 0; k < KINDS; k++) {
        tn_kind_lives sums;
        uint64_t by_age = 0;
        assert_true(tn_lives_sums(model.kinds[k], &sums));
        for (unsigned i = 0; i < TN_LIFETIMES; i++)
            by_age += sums.deaths[i];
        assert_int_equal(sums.born, model.born[k]);
        assert_int_equal(sums.died, model.died[k]);
        assert_int_equal(sums.morphed, model.morphed[k]);
        assert_int_equal(by_age, model.died[k]);
    }
}

static void test_as_the_model(void **unused)
{
    (void)unused;
    for (uint32_t k = 0; k < KINDS; k++)
        assert_true((model.kinds[k] = tn_lives_kind(TYPE + k)) != 0);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t i = chance(PLACES), what = chance(8);
        if (what < 4)
            born(i, what == 0);
        else if (what < 7)
            freed(i);
        else
            moved(i, chance(PLACES));
        if (step % (STEPS / 10) == 0)
            check();
    }
    check();
}

static void test_the_last_deaths_are_kept(void **unused)
{
    tn_death death;
    uint64_t n = 0, seen = 0, before = 0;
    (void)unused;
    while ((n = tn_lives_death(n + 1, &death))) {
        assert_true(n > before && death.death_ns >= death.life.birth_ns && death.life.serial > 0);
        before = n;
        seen++;
    }
    assert_int_equal(seen, TN_DEATHS);
}

static void test_what_is_forgotten_does_not_die(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < PLACES; i++)
        if (model.at[i].serial && model.at[i].kind == 1) {
            model.at[i].serial = 0;
        } else if (model.at[i].serial && i % 2) {
            tn_lives_forget(tn_lives_at(block_at(i)));
            model.at[i].serial = 0;
        }
    tn_lives_forget_kind(model.kinds[1]);
    check();
}

/* At a place that nobody has any more. */
static uint64_t born_at(uint32_t i, uint32_t kind)
{
    if (tn_lives_at(block_at(i)))
        tn_lives_forget(tn_lives_at(block_at(i)));
    return tn_lives_born(kind, block_at(i), 0, 0);
}

static void end_at(uint32_t i)
{
    tn_lives_end(tn_lives_at(block_at(i)), 0);
}

static void test_logged_deaths_are_all_told_once(void **unused)
{
    enum { MANY = 2 * TN_DEATHS + 5 };
    tn_death death;
    uint64_t before = 0, serial = 0, n = 0;
    uint32_t logged = tn_lives_kind(1), other = tn_lives_kind(2);
    (void)unused;
    assert_false(tn_lives_logged(&death));
    uint64_t early = born_at(0, logged);
    tn_lives_log_kind(logged, true);
    while ((n = tn_lives_death(n + 1, &death)))
        before = n;
    end_at(0); /* born before it was logged */
    assert_int_equal(tn_lives_death(before + 1, &death), before + 1);
    assert_int_equal(death.life.serial, early);
    uint64_t single = born_at(1, other);
    tn_lives_single(tn_lives_at(block_at(1)), true);
    end_at(1);
    for (uint32_t i = 0; i < MANY; i++) {
        serial = born_at(2, logged);
        end_at(2);
    }
    assert_int_equal(tn_lives_death(before + 2, &death), 0);
    for (uint32_t i = 0; i <= MANY; i++) {
        assert_true(tn_lives_logged(&death));
        assert_int_equal(death.life.serial, single + i);
        assert_int_equal(death.life.kind, i ? logged : other);
    }
    assert_int_equal(death.life.serial, serial);
    assert_false(tn_lives_logged(&death));
}

static void test_a_kind_that_is_released_is_used_again(void **unused)
{
    uint32_t kind = tn_lives_kind(3);
    tn_kind_lives sums;
    (void)unused;
    born_at(0, kind);
    uint64_t single = born_at(1, kind);
    tn_lives_single(tn_lives_at(block_at(1)), true);
    assert_false(tn_lives_release_kind(kind));
    assert_null(tn_lives_at(block_at(0)));
    assert_int_equal(tn_lives_at(block_at(1))->serial, single);
    tn_lives_single(tn_lives_at(block_at(1)), false);
    assert_true(tn_lives_release_kind(kind));
    assert_null(tn_lives_at(block_at(1)));
    for (uint32_t i = 0; i < 2 * TN_KINDS; i++) {
        assert_int_equal(tn_lives_kind(4), kind);
        assert_true(tn_lives_sums(kind, &sums) && sums.born == 0 && sums.died == 0);
        born_at(0, kind);
        assert_true(tn_lives_release_kind(kind));
    }
}

static void test_addresses_that_none_has(void **unused)
{
    tn_kind_lives sums;
    (void)unused;
    assert_false(tn_lives_maybe(UINT64_MAX - 15));
    assert_false(tn_lives_maybe(0));
    assert_null(tn_lives_at(0));
    assert_int_equal(tn_lives_born(model.kinds[0], UINT64_MAX - 15, 16, 0), 0);
    assert_false(tn_lives_sums(0, &sums));
    assert_false(tn_lives_sums(TN_KINDS, &sums));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_model),
        cmocka_unit_test(test_the_last_deaths_are_kept),
        cmocka_unit_test(test_what_is_forgotten_does_not_die),
        cmocka_unit_test(test_logged_deaths_are_all_told_once),
        cmocka_unit_test(test_a_kind_that_is_released_is_used_again),
        cmocka_unit_test(test_addresses_that_none_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
