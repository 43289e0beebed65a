/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps's end of tps.sock. One request at a time; answers come whole or in pieces. The whole program
 * is one thread that waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"

struct client;

/* tps's exit status (docs/tps.md). */
enum tps_exit {
	TPS_OK = 0,
	TPS_REFUSED = 1,
	TPS_USAGE = 2,
	TPS_NO_DAEMON = 3,
	TPS_NOT_PERMITTED = 4,
};

/* NULL with errno. */
struct client *client_connect(const char *path) SL_NONNULL(1);
void client_close(struct client *client);

/* Each piece of data; false ends the request (and the connection). */
typedef bool client_data_fn(void *arg, const json_t *data);

/*
 * Sends a command and waits for its end. `fn` gets the data. *ret_error gets the error object when
 * the daemon refused (json_decref it). An exit status; TPS_NO_DAEMON when the connection ended.
 */
enum tps_exit client_request(struct client *client, const char *words, json_t *arguments,
                             client_data_fn *fn, void *arg, json_t **ret_error)
        SL_NONNULL(1, 2, 4, 6);
