/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that `keys` misses: asked of the SMS, some at a time, until all came. What comes is
 * sealed and passed on as it is. `keys` hears of each at once that does not come now, since it
 * holds a document back for them; the asking goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

enum { REFUSED_RETRY_S = 600 };

static void ask(struct link *link);

static void on_timer(struct loop_timer *timer)
{
	struct link *link =
	        (struct link *)(void *)((char *)timer - offsetof(struct link, need.timer));

	for (size_t i = 0; i < link->need.count; i++)
		link->need.items[i].refused = false;
	ask(link);
}

static void after_ns(struct link *link, uint64_t ns)
{
	(void)loop_timer_set(link->proc->loop, &link->need.timer, ns, on_timer);
}

/* ---- to keys ----------------------------------------------------------------------------- */

static void pass_on(struct link *link, const uint8_t *id, int status, const struct sealed *sealed,
                    const char *text)
{
	struct ipc_channel *keys = proc_peer(link->proc, IPC_KEYS, 0);
	struct ipc_message msg = {.type = IPC_SEALED_KEY};

	msg.sealed_key.status = status;
	msg.sealed_key.id = (struct ipc_bytes){id, KEY_ID};
	if (sealed) {
		msg.sealed_key.encapsulated = (struct ipc_bytes){sealed->encapsulated, 32};
		msg.sealed_key.number = sealed->number;
		msg.sealed_key.sealed = (struct ipc_bytes){sealed->bytes, (uint32_t)sealed->len};
	}
	msg.sealed_key.device = ipc_text_of(link->record.name);
	msg.sealed_key.text = (struct ipc_text){text, (uint32_t)strnlen(text, 512)};
	if (keys && ipc_send(keys, &msg) != 0)
		log_error("keys was not told of a private key: its channel is full");
}

static void none_come(struct link *link, int status, const char *text)
{
	for (size_t i = 0; i < link->need.count; i++) {
		struct needed *n = &link->need.items[i];

		if (!n->answered)
			pass_on(link, n->id, status, NULL, text);
		n->answered = true;
	}
}

static void remove_one(struct need *need, struct needed *n)
{
	*n = need->items[--need->count];
}

/* ---- to the SMS -------------------------------------------------------------------------- */

/* Answers come as they were asked for: mostly it is the one behind the last, at `*at`. */
static struct needed *find(struct need *need, const uint8_t *id, size_t *at)
{
	for (size_t i = 0; i < need->count; i++) {
		struct needed *n = &need->items[(*at + i) % need->count];

		if (memcmp(n->id, id, KEY_ID) == 0) {
			*at = (size_t)(n - need->items) + 1;
			return n;
		}
	}
	return NULL;
}

static void take_one(struct link *link, const struct sealed *sealed, size_t *at)
{
	struct needed *n = find(&link->need, sealed->id, at);

	if (!n || !n->asked)
		return;
	if (sealed->len > 0) {
		pass_on(link, n->id, 0, sealed, "");
		remove_one(&link->need, n);
		return;
	}
	pass_on(link, n->id, SL_EREFUSED, NULL, n->answered ? "" : sealed->refused);
	n->answered = n->refused = true;
}

/* What was asked for and is not in the answer will not be asked for at once again. */
static void take_all(struct link *link, const json_t *value)
{
	struct sealed sealed;
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; rc != SL_ENOENT; i++) {
		rc = answer_key(value, i, &sealed);
		if (rc == 0)
			take_one(link, &sealed, &at);
	}
	for (size_t i = 0; i < link->need.count; i++)
		if (link->need.items[i].asked)
			link->need.items[i].refused = true;
}

static void on_keys(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct answer answer;

	link->need.call = NULL;
	if (!link_take(link, REMOTE_KEYS, in, &answer))
		return;
	if (answer.status == 0) {
		link->need.failures = 0;
		take_all(link, answer.value);
		ask(link);
	} else {
		none_come(link, SL_ECLOSED, answer.text);
		after_ns(link, link_backoff_ns(link->need.failures++));
	}
	answer_fini(&answer);
}

static json_t *next_ids(struct need *need)
{
	json_t *ids = json_array();
	char hex[65];

	for (size_t i = 0; i < need->count; i++) {
		struct needed *n = &need->items[i];

		n->asked = !n->refused && json_array_size(ids) < REMOTE_KEYS_MAX;
		if (n->asked)
			(void)json_array_append_new(ids, json_string(hex_text(n->id, KEY_ID, hex)));
	}
	return ids;
}

static void ask(struct link *link)
{
	struct need *need = &link->need;
	json_t *ids;

	if (!link->https || need->call || need->count == 0)
		return;
	ids = next_ids(need);
	if (json_array_size(ids) == 0) {
		json_decref(ids);
		none_come(link, SL_EREFUSED, "");
		after_ns(link, (uint64_t)REFUSED_RETRY_S * CLOCK_NS_PER_S);
		return;
	}
	loop_timer_cancel(&need->timer);
	if (link_call(link, REMOTE_KEYS, "", json_pack("{s:o}", "ids", ids), LINK_CALL_S, false,
	              on_keys, &need->call) != 0)
		after_ns(link, link_backoff_ns(need->failures++));
}

/* The list is this one from now on. What is new in it, or is asked for again, is asked for now. */
void need_set(struct link *link, const struct ipc_bytes *ids)
{
	struct need *need = &link->need;
	size_t count = ids->len / KEY_ID, at = 0;
	struct needed *items = calloc(count + 1, sizeof(*items));

	if (!items)
		return;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *id = ids->data + i * KEY_ID;
		const struct needed *old = find(need, id, &at);

		memcpy(items[i].id, id, KEY_ID);
		items[i].asked = old && old->asked;
	}
	free(need->items);
	need->items = items;
	need->count = count;
	if (!link->https)
		none_come(link, SL_ENOENT, "the device is not enrolled");
	else
		ask(link);
}

void need_start(struct link *link)
{
	link->need.failures = 0;
	on_timer(&link->need.timer);
}

void need_stop(struct link *link)
{
	loop_timer_cancel(&link->need.timer);
	https_cancel(link->need.call);
	link->need.call = NULL;
}

void need_forget(struct link *link)
{
	free(link->need.items);
	link->need.items = NULL;
	link->need.count = 0;
}
