/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What documents have in common, in the database once: a thousand devices that are alike cost one
 * text and one list of files, and each a short row.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/push/push_priv.h"

/* ---- making it ---------------------------------------------------------------------------- */

static char *keys_text(const struct document *document)
{
	json_t *list = json_array();
	char hex[BLOB_HEX_MAX], *text;

	for (size_t i = 0; i < document->keys_count; i++)
		(void)json_array_append_new(list,
		                            json_string(blob_digest_text(document->keys[i], hex)));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

/* Sorted keys: PUSH_DEVICES_WITH looks for them in this order. */
static char *objects_text(const struct document *document)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < document->objects_count; i++) {
		const struct document_object *o = &document->objects[i];

		(void)json_array_append_new(
		        list, json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)o->id, "kind",
		                        object_kind_name(o->kind), "name", o->name, "revision",
		                        (json_int_t)o->revision));
	}
	text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(list);
	return text;
}

/* With the NUL behind each text, and the files one after the other: one way to read it. */
static int digest_of(struct body *body)
{
	const char *const texts[] = {body->head, body->tail, body->keys, body->objects};
	const struct document *document = body->of;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < SL_ARRAY_LEN(texts); i++)
		good = EVP_DigestUpdate(digest, texts[i], strlen(texts[i]) + 1) == 1;
	for (size_t i = 0; good && i < document->files_count; i++)
		good = EVP_DigestUpdate(digest, document->files[i].sha256, BLOB_DIGEST) == 1;
	good = good && EVP_DigestFinal_ex(digest, body->digest, NULL) == 1;
	EVP_MD_CTX_free(digest);
	return good ? 0 : SL_ECRYPTO;
}

int body_of(const struct document *document, size_t before, size_t after, struct body *ret_body)
{
	struct body body = {
	        .of = document,
	        .head = strndup(document->text, before),
	        .tail = strndup(document->text + document->len - after, after),
	        .keys = keys_text(document),
	        .objects = objects_text(document),
	};
	int rc = body.head && body.tail && body.keys && body.objects ? digest_of(&body) : SL_ENOMEM;

	if (rc == 0)
		*ret_body = body;
	else
		body_fini(&body);
	return rc;
}

void body_fini(struct body *body)
{
	free(body->head);
	free(body->tail);
	free(body->keys);
	free(body->objects);
	*body = (struct body){0};
}

/* ---- writing it --------------------------------------------------------------------------- */

static int add_files(struct store_tx *tx, const struct document *document, int64_t body)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < document->files_count; i++) {
		const struct store_value values[] = {
		        store_integer(body),
		        store_blob(document->files[i].sha256, BLOB_DIGEST),
		        store_integer((int64_t)document->files[i].size),
		};

		rc = store_tx_run(tx, STORE_DOCUMENT_FILE_ADD, values, 3, NULL, NULL);
	}
	return rc;
}

int body_put(struct store_tx *tx, const struct body *body, int64_t *ret_id)
{
	const struct store_value values[] = {
	        store_blob(body->digest, sizeof(body->digest)),
	        store_text(body->head),
	        store_text(body->tail),
	        store_text(body->keys),
	        store_text(body->objects),
	};
	int rc = row_number_tx(tx, STORE_DOCUMENT_BODY, values, 1, 0, ret_id);

	if (rc != 0 || *ret_id != 0)
		return rc;
	rc = row_number_tx(tx, STORE_DOCUMENT_BODY_ADD, values, SL_ARRAY_LEN(values), 0, ret_id);
	return rc ? rc : add_files(tx, body->of, *ret_id);
}
