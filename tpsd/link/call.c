/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the SMS by the rows of lib/remote, and what all of their answers have in common. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

static void path_of(enum remote_call_id id, const char *query, char ret_path[HTTPS_PATH_MAX])
{
	const char *path = remote_calls[id].path;

	(void)snprintf(ret_path, HTTPS_PATH_MAX, REMOTE_PREFIX "%.*s%s%s", (int)strcspn(path, "?"),
	               path, query[0] ? "?" : "", query);
}

int link_call_at(struct https *https, enum remote_call_id id, const char *query, json_t *body,
                 unsigned timeout_s, bool fresh, https_done_fn *fn, void *arg,
                 struct https_call **ret_call)
{
	char text[HTTPS_PATH_MAX], *json = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct https_request request = {.path = text,
	                                .body = json,
	                                .len = json ? strlen(json) : 0,
	                                .answer_max = answer_max(id),
	                                .timeout_s = timeout_s,
	                                .fresh = fresh};
	int rc = body && !json ? SL_ENOMEM : 0;

	json_decref(body);
	path_of(id, query, text);
	if (rc == 0)
		rc = https_start(https, &request, fn, arg, ret_call);
	if (json)
		OPENSSL_cleanse(json, strlen(json));
	free(json);
	return rc;
}

int link_call(struct link *link, enum remote_call_id id, const char *query, json_t *body,
              unsigned timeout_s, bool fresh, https_done_fn *fn, struct https_call **ret_call)
{
	return link_call_at(link->https, id, query, body, timeout_s, fresh, fn, link, ret_call);
}

int link_call_bytes(struct link *link, enum remote_call_id id, const char *query,
                    const struct link_bytes *body, unsigned timeout_s, https_done_fn *fn,
                    struct https_call **ret_call)
{
	char path[HTTPS_PATH_MAX];
	struct https_request request = {.path = path,
	                                .body = body->data,
	                                .len = body->len,
	                                .type = body->type,
	                                .answer_max = answer_max(id),
	                                .timeout_s = timeout_s};

	path_of(id, query, path);
	return https_start(link->https, &request, fn, link, ret_call);
}

/* The keys go, and panic mode that it asked for; the document stays (docs/internals/link.md). */
static void on_revoked(struct link *link)
{
	struct ipc_channel *keys = proc_peer(link->proc, IPC_KEYS, 0);
	struct ipc_message msg = {.type = IPC_FORGET_KEYS, .forget_keys.all = 1};

	log_critical("the SMS has revoked this device: the private keys that it sent are dropped, "
	             "the document stays in force; 'tps sms enrol' makes it the SMS's again");
	link->record.revoked = true;
	link_save(link);
	link_disconnect(link);
	link_set_state(link, LINK_REVOKED);
	panic_forget(link);
	if (keys && ipc_send(keys, &msg) != 0)
		log_critical("keys was not told to forget the SMS's keys: its channel is full");
}

bool link_take(struct link *link, enum remote_call_id id, const struct https_answer *in,
               struct answer *ret_answer)
{
	if (in->status != 0) {
		*ret_answer = (struct answer){.status = in->status};
		(void)snprintf(ret_answer->text, sizeof(ret_answer->text), "%s", in->why);
	} else {
		answer_read(id, in->http, in->data, in->len, ret_answer);
	}
	if (ret_answer->revoked) {
		answer_fini(ret_answer);
		on_revoked(link);
		return false;
	}
	if (in->status == 0 && ret_answer->status != SL_EAGAIN)
		link->contact_us = clock_wall_us();
	if (ret_answer->status == 0)
		link->trouble[0] = '\0';
	else
		(void)snprintf(link->trouble, sizeof(link->trouble), "%s", ret_answer->text);
	return true;
}
