/* test_sample_calls.c - which calls the sampler knows, of planted code and functions. */
#include "suite.h"

#include "record/sample_state.h"

enum { RETURNS = 36, CALLS = 53, NOTES = 54, VERSION = 4711 };

/* An instruction, and what it has noted of the function that it called. */
static struct {
    uint16_t instruction, counter;
    uint32_t noted;
} place = {CALLS, 0, VERSION}, end = {RETURNS, 0, 0};

static struct {
    uint64_t code;
    uint32_t version;
} function = {0x1000, VERSION};

static const tn_sample_places places = {
    .code_returns = {RETURNS, RETURNS},
    .code_notes = {NOTES, NOTES, NOTES, NOTES, NOTES, NOTES, NOTES},
    .call_noted = 4,
    .function_code = 0,
    .function_version = 8,
    .owner_generator = 1,
};

static tn_seen_frame frame(uint32_t row, uint64_t code)
{
    return (tn_seen_frame){
        .row = row, .code = code, .function = (uintptr_t)&function, .at = (uintptr_t)&place, .top = -1};
}

static int begin(void **unused)
{
    (void)unused;
    place.noted = function.version = VERSION;
    return !(tn_sample_read_start() && tn__sample_calls_start(&places));
}

static void what_an_instruction_has_noted_is_known_at_once(void **unused)
{
    tn_seen_frame caller = frame(1, 0x2000), callee = frame(2, 0x1000), other = frame(3, 0x3000),
                  from_c = frame(4, 0x1000);
    (void)unused;
    from_c.entry = true;
    assert_false(tn__sample_knows(&caller, &other)); /* the function has another code */
    assert_false(tn__sample_knows(&caller, &from_c));
    place.noted++;
    assert_false(tn__sample_knows(&caller, &callee));
    place.noted = function.version = 0; /* it has none */
    assert_false(tn__sample_knows(&caller, &callee));
    place.noted = function.version = VERSION;
    assert_true(tn__sample_knows(&caller, &callee));
    callee.function = 64; /* gone by now */
    assert_true(tn__sample_knows(&caller, &callee));
}

static void what_was_certain_twice_is_known_while_it_is_not_rare(void **unused)
{
    tn_seen_frame caller = frame(5, 0x2000), callee = frame(6, 0x3000), common = frame(7, 0x3000);
    (void)unused;
    tn__sample_learn(&caller, &callee);
    assert_false(tn__sample_knows(&caller, &callee));
    tn__sample_learn(&caller, &callee);
    assert_true(tn__sample_knows(&caller, &callee));
    for (unsigned i = 0; i < 5000; i++)
        tn__sample_learn(&caller, &common);
    assert_true(tn__sample_knows(&caller, &common));
    assert_false(tn__sample_knows(&caller, &callee));
}

static void what_c_calls_is_known_when_many_looks_show_it(void **unused)
{
    tn_seen_frame caller = frame(8, 0x2000), callee = frame(9, 0x3000), once = frame(10, 0x3000),
                  direct = frame(11, 0x3000);
    (void)unused;
    callee.entry = once.entry = true;
    for (unsigned i = 0; i < 20; i++) {
        tn__sample_saw(&caller, NULL, true);
        tn__sample_saw(&caller, &direct, false);
    }
    for (unsigned i = 0; i < 10; i++)
        tn__sample_saw(&caller, &callee, tn__sample_knows(&caller, &callee));
    tn__sample_saw(&caller, &once, false);
    assert_true(tn__sample_knows(&caller, &callee));
    assert_false(tn__sample_knows(&caller, &once));
    assert_false(tn__sample_knows(&caller, &direct));
    caller.top = 3; /* it has called another from its own code: that cannot be */
    assert_false(tn__sample_knows(&caller, &callee));
    caller.top = -1;
    for (unsigned i = 0; i < 100; i++)
        tn__sample_saw(&caller, NULL, true);
    assert_false(tn__sample_knows(&caller, &callee));
}

/* A property: its caller does not execute. */
static void what_no_instruction_notes_is_known_when_many_looks_show_it(void **unused)
{
    tn_seen_frame caller = frame(14, 0x2000), callee = frame(15, 0x3000), generator = frame(16, 0x3000),
                  far = frame(17, 0x3000);
    (void)unused;
    caller.top = 3;
    generator.owner = places.owner_generator;
    far.far = true;
    place.instruction = NOTES;
    for (unsigned i = 0; i < 10; i++)
        tn__sample_saw(&caller, &callee, false);
    assert_false(tn__sample_knows(&caller, &callee));
    place.instruction = CALLS;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(tn__sample_knows(&caller, &callee), i >= 4);
        tn__sample_saw(&caller, &callee, i >= 4);
        tn__sample_saw(&caller, &generator, false);
        tn__sample_saw(&caller, &far, false);
    }
    for (unsigned i = 0; i < 10000; i++)
        tn__sample_saw(&caller, &callee, true);
    assert_true(tn__sample_knows(&caller, &callee));
    assert_false(tn__sample_knows(&caller, &generator));
    assert_false(tn__sample_knows(&caller, &far));
    caller.owner = places.owner_generator; /* copied at another time */
    assert_false(tn__sample_knows(&caller, &callee));
}

static void who_returns_calls_nothing(void **unused)
{
    tn_seen_frame caller = frame(12, 0x2000), callee = frame(13, 0x3000);
    (void)unused;
    caller.at = (uintptr_t)&end;
    callee.entry = true;
    for (unsigned i = 0; i < 100; i++) {
        tn__sample_learn(&caller, &callee);
        tn__sample_saw(&caller, &callee, tn__sample_knows(&caller, &callee));
    }
    assert_false(tn__sample_knows(&caller, &callee));
    assert_true(tn__sample_returns(&caller));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_an_instruction_has_noted_is_known_at_once, begin),
        cmocka_unit_test_setup(what_was_certain_twice_is_known_while_it_is_not_rare, begin),
        cmocka_unit_test_setup(what_c_calls_is_known_when_many_looks_show_it, begin),
        cmocka_unit_test_setup(what_no_instruction_notes_is_known_when_many_looks_show_it, begin),
        cmocka_unit_test_setup(who_returns_calls_nothing, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
