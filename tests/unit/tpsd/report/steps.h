/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps that tests of `control` share: a started device, a document applied, what is in force then.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "tests/unit/tpsd/report/device.h"

/* The device of the running test. */
extern struct device dev;

int set_up(void **state);
int tear_down(void **state);

/* Starts it and waits until parent and worker have a revision. */
void start_committed(void);

/* `config apply` of a document with that device name; `confirm` and `ret_error` may be NULL. */
json_t *apply(const char *name, const char *confirm, json_t **ret_error);

/* Whether a kind's file has an event with `word` in it. */
bool log_has(const char *kind, const char *word);

/* What `show version` says of the configuration. */
json_t *version_configuration(void);

/* Fails unless the document in force has this device name. */
void check_in_force(const char *device_name);

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
