/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/keyclient.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
	uint8_t leaf[KEY_ID_LEN + PKI_LEAF_DER_MAX]; /* of the FORGED that is being handed on */
};

static void free_slot(struct keyclient *kc, struct slot *slot)
{
	slot->req = NULL;
	slot->next_free = kc->first_free;
	kc->first_free = (uint32_t)(slot - kc->slots);
	kc->open--;
}

static struct ipc_bytes bytes_of(const uint8_t *data, size_t len)
{
	return (struct ipc_bytes){data, (uint32_t)len};
}

static struct ipc_message sign_message(const struct key_request *req)
{
	struct ipc_message msg = {.type = IPC_SIGN};

	msg.sign = (struct ipc_sign){.id = req->id,
	                             .key = bytes_of(req->key, KEY_ID_LEN),
	                             .algorithm = req->algorithm,
	                             .digest = bytes_of(req->input, req->input_len)};
	return msg;
}

static struct ipc_message decrypt_message(const struct key_request *req)
{
	struct ipc_message msg = {.type = IPC_DECRYPT};

	msg.decrypt = (struct ipc_decrypt){.id = req->id,
	                                   .key = bytes_of(req->key, KEY_ID_LEN),
	                                   .client_version = req->client_version,
	                                   .ciphertext = bytes_of(req->input, req->input_len)};
	return msg;
}

static struct ipc_message forge_message(const struct key_request *req)
{
	const struct key_forge *f = req->forge;
	const struct pki_template *t = &f->template;
	struct ipc_message msg = {.type = IPC_FORGE};

	msg.forge = (struct ipc_forge){.id = req->id,
	                               .issuer = bytes_of(req->key, KEY_ID_LEN),
	                               .trusted = f->trusted,
	                               .kind = (uint8_t)f->kind,
	                               .print = bytes_of(f->print, PKI_PRINT_LEN),
	                               .not_before = (uint64_t)t->not_before,
	                               .not_after = (uint64_t)t->not_after,
	                               .subject = bytes_of(t->subject, t->subject_len),
	                               .alt_names = bytes_of(t->alt_names, t->alt_names_len)};
	return msg;
}

static int send_request(struct keyclient *kc, const struct key_request *req)
{
	static struct ipc_message (*const make[])(const struct key_request *req) = {
	        [KEY_SIGN] = sign_message,
	        [KEY_TLS_RSA_DECRYPT] = decrypt_message,
	        [KEY_FORGE] = forge_message,
	};
	const struct ipc_message msg = make[req->operation](req);

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

/* What no message takes would be tried again until its time is over. */
static bool fits_message(const struct key_request *req)
{
	const struct pki_template *t = req->operation == KEY_FORGE ? &req->forge->template : NULL;

	return !t ||
	       (t->subject_len <= PKI_SUBJECT_DER_MAX && t->alt_names_len <= PKI_ALT_NAMES_DER_MAX);
}

static int submit(void *state, struct key_request *req)
{
	struct keyclient *kc = state;
	struct slot *slot;

	if (kc->first_free >= KEYCLIENT_OPEN_MAX)
		return SL_ELIMIT;
	if (!fits_message(req))
		return SL_ERANGE;
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

/* The open request with this id. */
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

/* An answer of another kind than was asked for is none. */
static void answer_slot(struct keyclient *kc, uint64_t id, bool forged, int32_t status,
                        const struct ipc_bytes *data)
{
	struct slot *slot = find_open(kc, id);

	if (!slot || (slot->req->operation == KEY_FORGE) != forged)
		return;
	if (status == SL_EAGAIN)
		slot->sent = false; /* the next sweep asks again */
	else
		finish(kc, slot, status > 0 ? SL_EMALFORMED : status, data->data, data->len);
}

void keyclient_answer(struct keyclient *kc, uint64_t id, int32_t status,
                      const struct ipc_bytes *data)
{
	answer_slot(kc, id, false, status, data);
}

void keyclient_forged(struct keyclient *kc, const struct ipc_forged *msg)
{
	struct ipc_bytes leaf = {kc->leaf, 0};
	int32_t status = msg->status;

	if (status == 0 && (msg->key.len != KEY_ID_LEN || msg->certificate.len == 0 ||
	                    msg->certificate.len > PKI_LEAF_DER_MAX))
		status = SL_EMALFORMED;
	if (status == 0) {
		memcpy(kc->leaf, msg->key.data, KEY_ID_LEN);
		memcpy(kc->leaf + KEY_ID_LEN, msg->certificate.data, msg->certificate.len);
		leaf.len = KEY_ID_LEN + msg->certificate.len;
	}
	answer_slot(kc, msg->id, true, status, &leaf);
}
