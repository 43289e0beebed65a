/* SPDX-License-Identifier: Apache-2.0 */
/* A client of tps.sock, between server.c, which has its socket, and request.c. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/loop.h"
#include "tpsd/report/server.h"

struct server_client {
	struct loop_source source; /* first */
	struct server *server;
	struct control *control;
	struct server_client *next_grave;
	struct request *requests;
	unsigned nrequests;
	bool may_show;
	bool may_change;
	bool gone; /* freed at the end of this turn */
	uid_t uid;
	pid_t pid;
	char user[64];
	struct buf in;
	struct buf out;
};

/* Takes `object` over. False: the client has been dropped for not reading. */
bool client_send(struct server_client *client, json_t *object) SL_NONNULL(1);

/* An open request of the client, who was permitted to make it; NULL without memory. */
struct request *request_make(struct server_client *client, const struct cli_command *command,
                             json_t *id, json_t *arguments) SL_NONNULL(1, 2);

/* The client is gone. Its requests live on without it until their handler answers, or are
 * cancelled. */
void request_orphan_all(struct server_client *client) SL_NONNULL(1);

/* {code, text, remedy}. */
json_t *request_error_object(int code, const char *text, const char *remedy) SL_NONNULL(2, 3);
