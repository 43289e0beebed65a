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
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "lib/remote/packed.h"
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

/* False: it was not told. */
static bool pass_on(struct link *link, const uint8_t *id, int status, const struct answer_key *key,
                    const char *text)
{
	struct ipc_channel *keys = proc_peer(link->proc, IPC_KEYS, 0);
	struct ipc_message msg = {.type = IPC_SEALED_KEY};

	msg.sealed_key.status = status;
	msg.sealed_key.id = (struct ipc_bytes){id, KEY_ID};
	if (key) {
		msg.sealed_key.encapsulated =
		        (struct ipc_bytes){key->encapsulated, REMOTE_ENCAPSULATED};
		msg.sealed_key.number = key->key.number;
		msg.sealed_key.sealed = (struct ipc_bytes){key->key.bytes, (uint32_t)key->key.len};
	}
	msg.sealed_key.device = ipc_text_of(link->record.name);
	msg.sealed_key.text = (struct ipc_text){text, (uint32_t)strnlen(text, 512)};
	if (!keys || ipc_send(keys, &msg) == 0)
		return true;
	log_error("keys was not told of a private key: its channel is full");
	return false;
}

static void none_come(struct link *link, int status, const char *text)
{
	for (size_t i = 0; i < link->need.count; i++) {
		struct needed *n = &link->need.items[i];

		if (!n->answered)
			(void)pass_on(link, n->id, status, NULL, text);
		n->answered = true;
	}
}

/* Those that came, together: the order of the others stays. */
static void remove_here(struct need *need)
{
	size_t count = 0;

	for (size_t i = 0; i < need->count; i++)
		if (!need->items[i].here)
			need->items[count++] = need->items[i];
	need->count = count;
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

/* What is on no list any more was asked for by a document that is over. False: it stays on it. */
static bool take_one(struct link *link, const uint8_t *id, const struct answer_key *key, size_t *at)
{
	struct needed *n = find(&link->need, id, at);
	char words[ANSWER_TEXT_MAX];

	if (!n)
		return true;
	if (key->key.kind == REMOTE_KEY_SEALED) {
		n->here = pass_on(link, n->id, 0, key, "");
		return n->here;
	}
	answer_words((const char *)key->key.bytes, key->key.len, words);
	(void)pass_on(link, n->id, SL_EREFUSED, NULL, n->answered ? "" : words);
	n->answered = n->refused = true;
	return true;
}

/* One for each that was asked for: those before a mistake count. SL_EMALFORMED; SL_EAGAIN: `keys`
 * could not be told of all. */
static int take_all(struct link *link, const struct https_answer *in)
{
	struct need *need = &link->need;
	struct remote_keys keys;
	struct answer_key key;
	size_t at = 0;
	bool told = true;
	int rc = remote_keys_begin(in->data, in->len, &keys);

	for (size_t i = 0; rc == 0 && i < need->asked_count; i++) {
		rc = answer_key(&keys, &key);
		if (rc == 0)
			told &= take_one(link, need->asked[i], &key, &at);
	}
	remove_here(need);
	if (rc != 0 || answer_key(&keys, &key) != SL_ENOENT)
		return SL_EMALFORMED;
	return told ? 0 : SL_EAGAIN;
}

static void try_later(struct link *link, const char *why)
{
	none_come(link, SL_ECLOSED, why);
	after_ns(link, link_backoff_ns(link->need.failures++));
}

static void on_keys(void *arg, const struct https_answer *in)
{
	struct link *link = arg;
	struct answer answer;
	int rc;

	link->need.call = NULL;
	if (!link_take(link, REMOTE_KEYS, in, &answer))
		return;
	rc = answer.status == 0 ? take_all(link, in) : answer.status;
	if (answer.status != 0) {
		try_later(link, answer.text);
	} else if (rc == SL_EMALFORMED) {
		try_later(link, "the SMS's private keys make no sense");
	} else if (rc == SL_EAGAIN) {
		after_ns(link, link_backoff_ns(link->need.failures++));
	} else {
		link->need.failures = 0;
		ask(link);
	}
	answer_fini(&answer);
}

static void choose(struct need *need)
{
	need->asked_count = 0;
	for (size_t i = 0; i < need->count && need->asked_count < REMOTE_KEYS_MAX; i++)
		if (!need->items[i].refused)
			memcpy(need->asked[need->asked_count++], need->items[i].id, KEY_ID);
}

static void ask(struct link *link)
{
	struct need *need = &link->need;
	struct link_bytes body = {.data = need->asked, .type = "application/octet-stream"};

	if (!link->https || need->call || need->count == 0)
		return;
	choose(need);
	if (need->asked_count == 0) {
		none_come(link, SL_EREFUSED, "");
		after_ns(link, (uint64_t)REFUSED_RETRY_S * CLOCK_NS_PER_S);
		return;
	}
	loop_timer_cancel(&need->timer);
	body.len = need->asked_count * KEY_ID;
	if (link_call_bytes(link, REMOTE_KEYS, "", &body, LINK_CALL_S, on_keys, &need->call) != 0)
		after_ns(link, link_backoff_ns(need->failures++));
}

/* The list is this one from now on. What is new in it, or is asked for again, is asked for now. */
void need_set(struct link *link, const struct ipc_bytes *ids)
{
	struct need *need = &link->need;
	size_t count = ids->len / KEY_ID;
	struct needed *items = calloc(count + 1, sizeof(*items));

	if (!items)
		return;
	for (size_t i = 0; i < count; i++)
		memcpy(items[i].id, ids->data + i * KEY_ID, KEY_ID);
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
