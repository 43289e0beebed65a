/* SPDX-License-Identifier: Apache-2.0 */
/* Whose certificate it is, and what its device tells of itself. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/device/device_priv.h"
#include "smsd/object/blob.h"

enum { MS_PER_S = 1000 };

/* ---- who it is --------------------------------------------------------------------------- */

struct seeing {
	int64_t id, now_ms;
	const uint8_t *next; /* the certificate that was used the first time; NULL: none */
};

static int write_seen(void *arg, struct store_tx *tx)
{
	const struct seeing *seeing = arg;
	const struct store_value seen[] = {store_integer(seeing->id),
	                                   store_integer(seeing->now_ms)};
	const struct store_value renewed[] = {store_integer(seeing->id),
	                                      store_blob(seeing->next, DEVICE_DIGEST)};
	int rc = store_tx_run(tx, STORE_DEVICE_SEEN, seen, 2, NULL, NULL);

	if (rc == 0 && seeing->next)
		rc = store_tx_run(tx, STORE_DEVICE_RENEWED, renewed, 2, NULL, NULL);
	return rc;
}

/* A full disk makes nobody a stranger: it is written the next time. */
static void note_seen(struct store *store, struct device_row *row, const uint8_t *digest)
{
	struct seeing seeing = {.id = row->device.id, .now_ms = moment_now_ms()};
	int64_t ago = seeing.now_ms - row->device.seen_ms;

	if (row->has_next && memcmp(row->next, digest, DEVICE_DIGEST) == 0)
		seeing.next = digest;
	if (!seeing.next && ago >= 0 && ago < (int64_t)DEVICE_SEEN_STEP_S * MS_PER_S)
		return;
	if (store_write(store, write_seen, &seeing) == 0)
		row->device.seen_ms = seeing.now_ms;
}

int device_identify(struct store *store, X509 *certificate, struct device *ret_device)
{
	uint8_t digest[DEVICE_DIGEST] = {0};
	const struct store_value value = store_blob(digest, sizeof(digest));
	struct device_row row = {.found = false};
	int rc;

	if (X509_digest(certificate, EVP_sha256(), digest, NULL) != 1) {
		ERR_clear_error();
		return SL_ECRYPTO;
	}
	rc = store_read(store, STORE_DEVICE_BY_CERTIFICATE, &value, 1, device_row_take, &row);
	if (rc != 0)
		return rc;
	if (!row.found || row.device.state != DEVICE_ENROLLED) {
		device_fini(&row.device);
		return SL_EREVOKED;
	}
	note_seen(store, &row, digest);
	*ret_device = row.device;
	return 0;
}

/* ---- what it tells ----------------------------------------------------------------------- */

struct telling {
	int64_t device;
	char *capabilities, *health; /* NULL: not told, or nothing new */
	bool has;                    /* told what is in force */
	uint8_t sha256[DEVICE_DIGEST];
	const char *document; /* NULL: not told */
};

static int put_text(struct store_tx *tx, enum store_statement statement, int64_t device,
                    const char *text)
{
	const struct store_value values[] = {store_integer(device), store_text(text)};

	return text ? store_tx_run(tx, statement, values, 2, NULL, NULL) : 0;
}

static int write_told(void *arg, struct store_tx *tx)
{
	const struct telling *t = arg;
	const struct store_value has[] = {store_integer(t->device),
	                                  store_blob(t->sha256, DEVICE_DIGEST),
	                                  store_text(t->document)};
	int rc = put_text(tx, STORE_DEVICE_CAN, t->device, t->capabilities);

	if (rc == 0)
		rc = put_text(tx, STORE_DEVICE_IS, t->device, t->health);
	if (rc == 0 && t->has)
		rc = store_tx_run(tx, STORE_DEVICE_HAS, has, SL_ARRAY_LEN(has), NULL, NULL);
	if (rc == 0 && (t->has || t->capabilities))
		rc = store_tx_run(tx, STORE_DUE_AGAIN, has, 1, NULL, NULL);
	return rc;
}

/* The document that is in force, by its digest; its text when that came along. */
static int read_has(struct telling *t, const struct device *device, const json_t *status,
                    struct problem *problem)
{
	const char *sha256 = json_string_value(json_object_get(status, "sha256"));
	const char *document = json_string_value(json_object_get(status, "document"));
	uint8_t digest[DEVICE_DIGEST];

	if (!sha256 || !sha256[0])
		return 0;
	if (blob_digest_parse(sha256, t->sha256) != 0)
		return problem_add(problem, SL_EINVAL, "/sha256", "64 digits, 0 to f",
		                   "the digest is none");
	if (document && document[0] &&
	    (EVP_Digest(document, strlen(document), digest, NULL, EVP_sha256(), NULL) != 1 ||
	     memcmp(digest, t->sha256, sizeof(digest)) != 0))
		return problem_add(problem, SL_EINVAL, "/document",
		                   "send both of the same document",
		                   "the document has another digest");
	t->document = document && document[0] ? document : NULL;
	/* Without its text what is known of the same document stays. */
	t->has = t->document || memcmp(t->sha256, device->document_sha256, DEVICE_DIGEST) != 0;
	return 0;
}

/* NULL when it was not told or is what is known. */
static char *told_text(const json_t *status, const char *key, const json_t *known)
{
	const json_t *value = json_object_get(status, key);

	return value && !json_equal(value, known) ? device_json_text(value) : NULL;
}

int device_told(struct store *store, const struct device *device, const json_t *status,
                struct problem *problem)
{
	struct telling telling = {.device = device->id};
	int rc = read_has(&telling, device, status, problem);

	if (rc != 0)
		return rc;
	telling.capabilities = told_text(status, "capabilities", device->capabilities);
	telling.health = told_text(status, "health", device->health);
	if (telling.capabilities || telling.health || telling.has)
		rc = store_write(store, write_told, &telling);
	free(telling.capabilities);
	free(telling.health);
	return problem_tell(problem, rc);
}

int device_want_tx(struct store_tx *tx, int64_t id, int64_t revision)
{
	const struct store_value values[] = {store_integer(id), store_integer(revision)};

	return store_tx_run(tx, STORE_DEVICE_WANT, values, 2, NULL, NULL);
}
