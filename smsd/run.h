/* SPDX-License-Identifier: Apache-2.0 */
/* smsd from its options to its end: the order of the start, the loop, the order of the end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "smsd/auth/audit.h"

enum run_status {
	RUN_OK = 0,
	RUN_FAILED = 1,
	RUN_USAGE = 2,
	RUN_REFUSED = 3,   /* data, key or certificate */
	RUN_PRIVILEGE = 4, /* or a feature of the system is missing */
	RUN_BUSY = 5,      /* another smsd has the data */
};

enum {
	RUN_ADDRESS_MAX = 64,
	RUN_PORT = 8443,
	RUN_DEVICES_PORT = 8444,
	RUN_DRAIN_S = 10,
	RUN_EVENTS_DAYS = 90,
	RUN_EVENTS_DAYS_MAX = 3660,
	RUN_EVENTS_GIB = 16,
	RUN_EVENTS_GIB_MAX = 1024 * 1024
};

struct run_options {
	const char *data;
	/* Has a connection string of PostgreSQL; NULL: SQLite in `data`. */
	const char *database_file;
	char address[RUN_ADDRESS_MAX];
	uint16_t port;
	char devices_address[RUN_ADDRESS_MAX];
	uint16_t devices_port;
	const char *key_file;        /* NULL: DATA/vault.key */
	const char *passphrase_file; /* NULL: by a key file */
	/* Not NULL: the vault is to open by this from now on, and nothing is served. The key file
	 * is made when it is not there. One of the two at most. */
	const char *new_key_file, *new_passphrase_file;
	struct audit_keep audit;
	unsigned events_days;    /* how long events are kept, */
	unsigned events_gib;     /* and how much; 0: any */
	unsigned silent_minutes; /* a device that does not call for so long is an alert */
	const char *user;        /* NULL: sluice-sms */
	const char *backup;      /* not NULL: the databases are copied into this directory */
	bool check;              /* opens everything, serves nothing */
};

int run(const struct run_options *options) SL_NONNULL(1);
