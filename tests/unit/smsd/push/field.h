/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where distributions are tested: a real store and a real vault, devices as rows, and documents
 * that the test makes up (document_make_of and its kind are the test's own, so that what a document
 * is of is said here). What a device says and asks are the port's handlers, called as the port
 * does.
 */
#pragma once

#include "tests/unit/smsd/place.h"

#include "lib/pki/hpke.h"
#include "smsd/push/push.h"
#include "smsd/vault/vault.h"

enum { FIELD_KEYS_MAX = 4 };

struct field {
	struct place *place;
	struct vault *vault;
	struct push *push;
	EVP_PKEY *sealing; /* of all devices */
	json_t *preview, *shown;
	bool nothing_new; /* of the last call: its answer could have waited */
};

/* What documents are made of. */
struct field_documents {
	unsigned made;       /* calls of document_make_of */
	const char *refused; /* why none can be made; NULL */
	const char *lacking; /* a device with this model lacks what refuses; NULL */
	uint8_t keys[FIELD_KEYS_MAX][VAULT_ID_SIZE];
	size_t keys_count;
	const char *proxy;   /* its name; what differs between two documents */
	int64_t certificate; /* an object that is in them; 0: none */
};
extern struct field_documents field_documents;

/* How often the port was to wake a device. */
extern unsigned field_woken;

int field_setup(void **state);
int field_teardown(void **state);

/* As if smsd was killed and started again. */
void field_restart(struct field *field);

/* An enrolled device that was heard of now; its row's id. */
int64_t field_add_device(struct field *field, const char *name, const char *settings);

/* SQL as it is, for what no statement does. */
void field_sql(const struct field *field, const char *text) SL_NONNULL(1, 2);

/* The one number that a query comes to. */
int64_t field_number(const struct field *field, const char *query) SL_NONNULL(1, 2);

/* Begins one for these devices (all without), 300 s to confirm; its id. */
int64_t field_begin(struct field *field, size_t count, const char *const *names);

/* ---- a device's end -------------------------------------------------------------------- */

/* What is wanted: the revision; `ret_sha256` NULL or 65 bytes. */
int64_t field_wanted(struct field *field, int64_t device, int64_t have, char *ret_sha256);

/* A call with this query; its code; the body's text in `ret_body` (freed by the caller; NULL). */
int field_get(struct field *field, int64_t device, port_handler *handler, const char *query,
              char **ret_body);

/* The same for an answer that is bytes; buf_fini frees. */
int field_fetch(struct field *field, int64_t device, port_handler *handler, const char *query,
                struct buf *ret_answer);

/* Says `state` of a revision, with the digest of what is in force ("" none) and items (NULL). */
int field_say(struct field *field, int64_t device, int64_t revision, const char *state,
              const char *sha256, const json_t *items);

/* The bytes of the files that this body asks for, one after the other. As field_get. */
int field_bundle(struct field *field, int64_t device, const void *body, size_t len,
                 char **ret_body);

/* Any other status; its code. */
int field_status(struct field *field, int64_t device, json_t *body);

/* Asks for keys: KEYS of lib/remote/packed.h, to be freed by buf_fini. As field_get. */
int field_ask_keys(struct field *field, int64_t device, const void *body, size_t len,
                   struct buf *ret_keys);

/* ---- what is shown ---------------------------------------------------------------------- */

/* Valid until the next call. */
const json_t *field_show(struct field *field, int64_t id);
/* The device's place in it. */
const json_t *field_row(struct field *field, int64_t id, const char *name);
const char *field_state(struct field *field, int64_t id, const char *name);
bool field_ended(struct field *field, int64_t id);
/* The clock's work, now. */
void field_tick(struct field *field);
