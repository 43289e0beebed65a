/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps.sock: clients, who they are, their requests. A request is answered once (request_ok,
 * request_error) or in pieces (request_piece ..., request_end), now or later; its client may be
 * gone by then, which the answering functions see to. `control`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"

struct conf_errors;
struct control;
struct server;
struct server_client;
struct request;

enum {
	SERVER_CLIENTS_MAX = 32,
	SERVER_REQUESTS_MAX = 8,             /* open ones of a client */
	SERVER_UNREAD_MAX = 4 * 1024 * 1024, /* bytes a client may leave unread */
};

struct request {
	struct control *control;
	struct server_client *client; /* NULL: gone */
	struct request *next;         /* of the client's open ones */
	const struct cli_command *command;
	json_t *arguments; /* checked by the table */
	json_t *id;
	char user[64]; /* name of who asked, for audit */
	uid_t uid;
	pid_t pid;
	/* Set by a handler that goes on after its return; called when the client is gone. */
	void (*cancel)(struct request *request);
	void *state;  /* the handler's */
	bool sending; /* request.c's */
};

/* Listens on run_dir/tps.sock. SL_ESYS with errno, SL_ENOMEM. */
int server_open(struct control *control, struct server **ret_server) SL_NONNULL(1, 2) SL_MUST;
void server_close(struct server *server);

/* At the end of each turn of the loop. */
void server_turn(struct server *server) SL_NONNULL(1);

/* Answers. Each but request_piece ends the request and frees it; `data` is taken over. */
void request_ok(struct request *request, json_t *data) SL_NONNULL(1);
void request_error(struct request *request, int code, const char *text, const char *remedy)
        SL_NONNULL(1, 3, 4);
/* Every refusal of a document; `what` stands before them ("the configuration is refused"). */
void request_errors(struct request *request, int code, const struct conf_errors *errs,
                    const char *what) SL_NONNULL(1, 3, 4);
/* False: the client is gone or too slow; the request was cancelled and freed. */
bool request_piece(struct request *request, json_t *data) SL_NONNULL(1);
void request_end(struct request *request) SL_NONNULL(1);

/* A text argument, or NULL; a flag. */
const char *request_text(const struct request *request, const char *name) SL_NONNULL(1, 2);
bool request_flag(const struct request *request, const char *name) SL_NONNULL(1, 2);
/* A duration argument in ms. False, and the request was refused, when it is none. */
bool request_duration(struct request *request, const char *name, uint64_t fallback_ms,
                      uint64_t *ret_ms) SL_NONNULL(1, 2, 4) SL_MUST;
bool request_number(struct request *request, const char *name, uint64_t fallback, uint64_t max,
                    uint64_t *ret_n) SL_NONNULL(1, 2, 5) SL_MUST;

/* Runs a command that is HERE: handlers.c has the table. */
void handler_run(struct request *request) SL_NONNULL(1);
