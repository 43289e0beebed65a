/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distributions: what each device is to have, and what became of it. A row is written before
 * anything is told to a device, so a killed smsd goes on where it was. Each device has one wanted
 * revision; a newer one takes its place (newest only), and a device that was offline gets it when
 * it returns. Pool threads; push_tick by the clock. docs/internals/sms.md, "Distribution".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "smsd/device/port.h"

struct actor;
struct problem;
struct push;
struct store;
struct vault;

enum {
	PUSH_DEVICES_MAX = DEVICES_MAX,
	PUSH_WAIT_MAX_S = 7 * 24 * 3600, /* between the first device and the rest */
	PUSH_CONFIRM_MIN_S = 30,
	PUSH_CONFIRM_MAX_S = 24 * 3600,
	PUSH_AHEAD_MAX_S = 366 * 24 * 3600, /* how far ahead one can be scheduled */
	PUSH_KEPT = 1000,                   /* distributions; older ones go, with their items */
};

struct push_options {
	const char *const *devices; /* names; none: all that are enrolled */
	size_t devices_count;
	const char *comment; /* NULL */
	unsigned confirm_s;  /* 0: for good at once; else PUSH_CONFIRM_MIN_S to a day */
	bool staged;         /* the first device must be confirmed and quiet for `wait_s` */
	unsigned wait_s;
	int64_t not_before_ms; /* scheduled; 0: now */
};

int push_create(struct store *store, struct vault *vault, struct push **ret_push,
                struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
void push_destroy(struct push *push);

/* Whom to wake when a device is to be told something. */
void push_set_port(struct push *push, struct port *port) SL_NONNULL(1);

/*
 * What a distribution would do, and nothing done: {devices: [{name, online, refused, items,
 * changes, scope}]}. `items` as in push_show: those that are no notice refuse; notices say what
 * would be ignored. `changes` and `scope` of document_diff, where there is a document.
 */
int push_preview(struct push *push, const struct push_options *options, json_t **ret_preview,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/*
 * Begins one, of the objects as they are now: documents are made for all its devices at once (some
 * here, the rest by push_tick), online or not, staged, scheduled or not; so the last gets what the
 * first proved. A device whose document cannot be made, or which lacks what refuses, is `refused`
 * from the start with its items, and the others go on. SL_ENOENT: a device's name; SL_EINVAL,
 * SL_ERANGE, SL_ELIMIT.
 */
int push_begin(struct push *push, const struct actor *actor, const struct push_options *options,
               int64_t *ret_id, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* Again, for its devices that are refused, reverted or waiting: a new distribution. */
int push_retry(struct push *push, const struct actor *actor, int64_t id, int64_t *ret_id,
               struct problem *problem) SL_NONNULL(1, 2, 4, 5) SL_MUST;

/* Devices that were not told yet are left as they are: `waiting`, in a distribution that is
 * stopped. SL_ENOENT, SL_EBUSY: it has ended or was stopped. */
int push_cancel(struct push *push, const struct actor *actor, int64_t id, struct problem *problem)
        SL_NONNULL(1, 2, 4) SL_MUST;

/* {id, who, made, comment, state, stopped, confirm_s, staged, wait_s, not_before, ended, counts:
 * {waiting, ...}, devices: [{name, state, revision, online, changed, changed_ms, text, items:
 * [{kind, name, pointer, notice, text, remedy}]}]}; `state` is "running" or "ended". Devices whose
 * row changed at `since_ms` or later. */
int push_show(struct push *push, int64_t id, int64_t since_ms, json_t **ret_shown,
              struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;
/* Newest first, those before `before`: without their devices. */
int push_list(struct push *push, int64_t before, unsigned limit, json_t **ret_page,
              struct problem *problem) SL_NONNULL(1, 4, 5) SL_MUST;

/* R81: the enrolled devices whose wanted document holds this certificate, as an array of names. */
int push_holders(struct push *push, const char *certificate, json_t **ret_names,
                 struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* {NAME: {needs_distribution, needs_since}} of all devices (R132): "yes" where the document that
 * the objects make is not the one in force, or none can be made; "no"; "checking" until that is
 * known; "unknown" of a device that is not enrolled or did not say what it has. */
int push_needs(struct store *store, json_t **ret_needs) SL_NONNULL(1, 2) SL_MUST;

/* Documents that are not made yet, schedules, stages, devices that are gone, blob_sweep. Every
 * second or so. */
int push_tick(struct push *push, int64_t now_ms) SL_NONNULL(1) SL_MUST;

/* Handlers of the port: call->above is the push. */
port_handler push_wanted, push_document, push_files, push_file, push_bundle, push_keys, push_status;
