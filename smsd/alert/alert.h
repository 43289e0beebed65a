/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SMS raises by itself: a condition that somebody should see, raised once when it begins
 * and cleared once when it ends, each an event of the device "sms", kind `sms_alert`. Open ones are
 * rows, so a restart raises none again. Some are found by looking at what the database has
 * (alert_look.c: by the clock, and when a device says something), others by what devices report
 * (alert_heard.c). Pool threads. docs/internals/sms.md, "Alerts".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct actor;
struct alerts;
struct event_record;
struct ingest;
struct port_call;
struct problem;
struct store;

enum alert_name {
#define ALERT(NAME, name, severity, help, remedy) ALERT_##NAME,
#include "smsd/alert/alert.def"
#undef ALERT
	ALERT_END
};

enum {
	ALERT_SILENT_MINUTES = 5,
	ALERT_SILENT_MINUTES_MAX = 24 * 60,
	ALERT_OPEN_MAX = 1000,      /* of one name; what is beyond is in none */
	ALERT_DEVICE_OPEN_MAX = 64, /* of one name, by what one device reports */
	ALERT_KEPT = 10000,         /* cleared ones; the oldest go */
	ALERT_TEXT_MAX = 512,
	ALERT_CERTIFICATES_S = 3600, /* from one look at all certificates to the next */
	/* How long what devices report stays open without being said again. */
	ALERT_OUT_OF_SYNC_S = 26 * 3600, /* they say it once a day */
	ALERT_THRESHOLD_S = 3600,
	ALERT_EVENTS_LOST_S = 24 * 3600,
	/* Syslog servers. */
	ALERT_SYSLOG_AWAY_S = 600,
	ALERT_SYSLOG_SKIPPED_S = 24 * 3600,
};

const char *alert_name_text(enum alert_name name);
const char *alert_help(enum alert_name name);
const char *alert_remedy(enum alert_name name);

struct alert_options {
	unsigned silent_minutes;
	int64_t https_ends_ms; /* the certificate of HTTPS; 0: none to look at */
};

/* `store` and `ingest` outlive it; from now on it hears what ingest takes. SL_ENOMEM. */
int alerts_open(struct store *store, struct ingest *ingest, const struct alert_options *options,
                struct alerts **ret_alerts, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
void alerts_close(struct alerts *alerts);

/* Everything that is found by looking, and what is over by time. Once a minute. */
int alerts_tick(struct alerts *alerts, int64_t now_ms) SL_NONNULL(1) SL_MUST;

/* What is found by looking at one device; NULL: all. */
int alerts_look(struct alerts *alerts, const char *device, int64_t now_ms) SL_NONNULL(1) SL_MUST;

/* The port's handler of a device's status: push_status, and a look at the device. */
int alert_port_status(struct port_call *call);

/* ---- for people -------------------------------------------------------------------------- */

/* A row as the API shows it: {id, name, state, severity, about{kind, name}, since, cleared, text,
 * remedy, acknowledged, acknowledged_by}; times that are not are left out. */
typedef int alert_fn(void *arg, int64_t id, json_t *shown);

/* Newest first, ids before `before` (0: all), `limit` at most; `all`: cleared ones too. `fn` takes
 * `shown` over, and may call the store. */
int alerts_list(struct store *store, bool all, int64_t before, unsigned limit, alert_fn *fn,
                void *arg) SL_NONNULL(1, 5) SL_MUST;

/* One of them. SL_ENOENT. */
int alerts_get(struct store *store, int64_t id, json_t **ret_shown, struct problem *problem)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* Somebody has seen it: nothing else becomes of it. SL_ENOENT; SL_EEXIST: it was, and by whom. */
int alerts_acknowledge(struct store *store, const struct actor *actor, int64_t id,
                       struct problem *problem) SL_NONNULL(1, 2, 4) SL_MUST;
