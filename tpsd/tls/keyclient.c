/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/keyclient.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/ipc/channel.h"

enum { SLOT_BITS = 13, SWEEP_MS = 100 };
_Static_assert(1 << SLOT_BITS == KEYCLIENT_OPEN_MAX, "an id is a slot and a count");

struct slot {
	struct key_request *req; /* NULL: free */
	uint64_t id;             /* the last one given out here */
	uint64_t since_ns;
	bool sent; /* to the `keys` of now */
	uint32_t next_free;
};

struct keyclient {
	struct key_backend backend;
	struct loop *loop;
	struct loop_timer sweep;
	struct ipc_channel *channel;
	uint64_t timeout_ns;
	uint32_t first_free; /* KEYCLIENT_OPEN_MAX: none */
	uint32_t open;
	struct slot slots[KEYCLIENT_OPEN_MAX];
};

static void free_slot(struct keyclient *kc, struct slot *slot)
{
	slot->req = NULL;
	slot->next_free = kc->first_free;
	kc->first_free = (uint32_t)(slot - kc->slots);
	kc->open--;
}

static int send_request(struct keyclient *kc, const struct key_request *req)
{
	struct ipc_message msg = {.type = IPC_SIGN};
	const struct ipc_bytes key = {req->key, KEY_ID_LEN};
	const struct ipc_bytes input = {req->input, (uint32_t)req->input_len};

	if (req->operation == KEY_SIGN) {
		msg.sign = (struct ipc_sign){
		        .id = req->id, .key = key, .algorithm = req->algorithm, .digest = input};
	} else {
		msg.type = IPC_DECRYPT;
		msg.decrypt = (struct ipc_decrypt){.id = req->id,
		                                   .key = key,
		                                   .client_version = req->client_version,
		                                   .ciphertext = input};
	}
	return ipc_send(kc->channel, &msg);
}

static void finish(struct keyclient *kc, struct slot *slot, int status, const uint8_t *data,
                   size_t len)
{
	struct key_request *req = slot->req;

	free_slot(kc, slot);
	req->done(req, status, data, len);
}

/* Sends what was not sent; one that the channel does not take is tried again later. */
static void send_unsent(struct keyclient *kc)
{
	for (size_t i = 0; kc->channel && kc->open > 0 && i < KEYCLIENT_OPEN_MAX; i++)
		if (kc->slots[i].req && !kc->slots[i].sent)
			kc->slots[i].sent = send_request(kc, kc->slots[i].req) == 0;
}

static void sweep(struct loop_timer *timer)
{
	struct keyclient *kc =
	        (struct keyclient *)((char *)timer - offsetof(struct keyclient, sweep));
	uint64_t now = clock_now_ns();

	for (size_t i = 0; kc->open > 0 && i < KEYCLIENT_OPEN_MAX; i++)
		if (kc->slots[i].req && now - kc->slots[i].since_ns > kc->timeout_ns)
			finish(kc, &kc->slots[i], SL_ETIMEOUT, NULL, 0);
	send_unsent(kc);
	if (kc->open > 0)
		(void)loop_timer_set(kc->loop, timer, SWEEP_MS * CLOCK_NS_PER_MS, sweep);
}

static int submit(void *state, struct key_request *req)
{
	struct keyclient *kc = state;
	struct slot *slot;

	if (kc->first_free >= KEYCLIENT_OPEN_MAX)
		return SL_ELIMIT;
	slot = &kc->slots[kc->first_free];
	slot->id += KEYCLIENT_OPEN_MAX; /* another id for each use of the slot */
	req->id = slot->id;
	slot->sent = kc->channel && send_request(kc, req) == 0;
	kc->first_free = slot->next_free;
	kc->open++;
	slot->req = req;
	slot->since_ns = loop_now_ns(kc->loop);
	if (!loop_timer_is_set(&kc->sweep))
		(void)loop_timer_set(kc->loop, &kc->sweep, SWEEP_MS * CLOCK_NS_PER_MS, sweep);
	return 0;
}

static struct slot *find_open(struct keyclient *kc, uint64_t id)
{
	struct slot *slot = &kc->slots[id % KEYCLIENT_OPEN_MAX];

	return slot->req && slot->id == id ? slot : NULL;
}

static void cancel(void *state, struct key_request *req)
{
	struct slot *slot = find_open(state, req->id);

	if (slot && slot->req == req)
		free_slot(state, slot);
}

struct keyclient *keyclient_create(struct loop *loop)
{
	static const struct key_backend_ops ops = {.submit = submit, .cancel = cancel};
	struct keyclient *kc = calloc(1, sizeof(*kc));

	if (!kc)
		return NULL;
	kc->backend = (struct key_backend){&ops, kc};
	kc->loop = loop;
	kc->timeout_ns = 5 * CLOCK_NS_PER_S;
	for (uint32_t i = 0; i < KEYCLIENT_OPEN_MAX; i++) {
		kc->slots[i].id = i;
		kc->slots[i].next_free = i + 1;
	}
	return kc;
}

void keyclient_destroy(struct keyclient *kc)
{
	if (!kc)
		return;
	loop_timer_cancel(&kc->sweep);
	free(kc);
}

struct key_backend *keyclient_backend(struct keyclient *kc)
{
	return &kc->backend;
}

void keyclient_set_channel(struct keyclient *kc, struct ipc_channel *keys)
{
	kc->channel = keys;
	for (size_t i = 0; i < KEYCLIENT_OPEN_MAX; i++)
		kc->slots[i].sent = false;
	send_unsent(kc);
}

void keyclient_set_timeout(struct keyclient *kc, uint32_t timeout_ms)
{
	if (timeout_ms)
		kc->timeout_ns = timeout_ms * CLOCK_NS_PER_MS;
}

void keyclient_answer(struct keyclient *kc, uint64_t id, int32_t status,
                      const struct ipc_bytes *data)
{
	struct slot *slot = find_open(kc, id);

	if (slot && status == SL_EAGAIN)
		slot->sent = false; /* the next sweep asks again */
	else if (slot)
		finish(kc, slot, status > 0 ? SL_EMALFORMED : status, data->data, data->len);
}
