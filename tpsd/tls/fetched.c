/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/fetched.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/pki/hpke.h"
#include "lib/pki/key.h"

enum {
	NAMED_MAX = 2 * CONFIG_CERTIFICATES_MAX, /* of the revision in force and of the next */
	SEALED_MAX = 8192,
	DEVICE_MAX = 64,
	PEM_MAX = 1024, /* of an X25519 key */
};

struct named {
	uint8_t id[KEY_ID_LEN];
	uint32_t first_revision, last_revision; /* that name it */
	EVP_PKEY *key;                          /* NULL: not here */
	bool answered;                          /* with a key, or with why there is none */
};

struct fetched {
	EVP_PKEY *sealing;
	uint8_t public[HPKE_PUBLIC];
	/* Of the message before: the keys of one answer come by one. */
	uint8_t encapsulated[HPKE_ENCAPSULATED];
	struct hpke_context context;
	bool agreed;
	struct named *items;
	size_t count, size;
};

struct fetched *fetched_create(void)
{
	return calloc(1, sizeof(struct fetched));
}

static void forget_context(struct fetched *r)
{
	hpke_context_fini(&r->context);
	r->agreed = false;
}

void fetched_destroy(struct fetched *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		EVP_PKEY_free(r->items[i].key);
	EVP_PKEY_free(r->sealing);
	forget_context(r);
	free(r->items);
	free(r);
}

/* ---- the sealing key --------------------------------------------------------------------- */

static EVP_PKEY *read_sealing(int fd)
{
	char pem[PEM_MAX];
	ssize_t n = pread(fd, pem, sizeof(pem), 0);
	BIO *bio = n > 0 ? BIO_new_mem_buf(pem, (int)n) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	BIO_free(bio);
	OPENSSL_cleanse(pem, sizeof(pem));
	ERR_clear_error();
	if (key && !EVP_PKEY_is_a(key, "X25519")) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static int write_sealing(int fd, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long len = 0;
	int rc = SL_ECRYPTO;

	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		len = BIO_get_mem_data(bio, &pem);
	if (len > 0)
		rc = ftruncate(fd, 0) == 0 && pwrite(fd, pem, (size_t)len, 0) == len &&
		                     fsync(fd) == 0
		             ? 0
		             : SL_ESYS;
	if (pem)
		OPENSSL_cleanse(pem, (size_t)len);
	BIO_free(bio);
	return rc;
}

int fetched_open_sealing(struct fetched *r, int fd, const char *path)
{
	bool empty = lseek(fd, 0, SEEK_END) == 0;
	EVP_PKEY *key = empty ? NULL : read_sealing(fd);
	int rc = 0;

	if (!key) {
		rc = hpke_key_make(&key);
		if (rc == 0 && !empty)
			log_error("%s was no sealing key and is made anew: enrol the device again",
			          path);
		if (rc == 0 && write_sealing(fd, key) != 0)
			log_error("%s cannot be written: %s; after a restart the device has to be "
			          "enrolled again",
			          path, strerror(errno));
	}
	if (rc == 0)
		rc = hpke_public(key, r->public);
	if (rc != 0) {
		log_error("there is no sealing key: %s; the SMS can send no private keys",
		          err_text(rc));
		EVP_PKEY_free(key);
		return rc;
	}
	EVP_PKEY_free(r->sealing);
	forget_context(r);
	r->sealing = key;
	return 0;
}

const uint8_t *fetched_sealing(const struct fetched *r)
{
	return r->sealing ? r->public : NULL;
}

/* ---- what is named ----------------------------------------------------------------------- */

static struct named *find(const struct fetched *r, const uint8_t *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(r->items[i].id, id, KEY_ID_LEN) == 0)
			return &r->items[i];
	return NULL;
}

static struct named *add(struct fetched *r)
{
	size_t size = r->size ? r->size * 2 : 64;
	struct named *items;

	if (r->count == r->size) {
		items = realloc(r->items, size * sizeof(*items));
		if (!items)
			return NULL;
		r->items = items;
		r->size = size;
	}
	return &r->items[r->count++];
}

int fetched_name(struct fetched *r, const uint8_t id[KEY_ID_LEN], uint32_t revision)
{
	struct named *n = find(r, id);

	if (n) {
		n->last_revision = SL_MAX(n->last_revision, revision);
		return 0;
	}
	if (r->count >= NAMED_MAX)
		return SL_ELIMIT;
	n = add(r);
	if (!n)
		return SL_ENOMEM;
	*n = (struct named){.first_revision = revision, .last_revision = revision};
	memcpy(n->id, id, KEY_ID_LEN);
	return 0;
}

/* OpenSSL clears private numbers when it frees them. */
static void drop(struct fetched *r, struct named *n)
{
	EVP_PKEY_free(n->key);
	*n = r->items[--r->count];
}

void fetched_retire_before(struct fetched *r, uint32_t revision)
{
	for (size_t i = r->count; i-- > 0;)
		if (r->items[i].last_revision < revision)
			drop(r, &r->items[i]);
}

void fetched_forget(struct fetched *r, uint32_t revision)
{
	for (size_t i = r->count; i-- > 0;)
		if (r->items[i].first_revision == revision && r->items[i].last_revision == revision)
			drop(r, &r->items[i]);
}

void fetched_wipe(struct fetched *r)
{
	for (size_t i = 0; i < r->count; i++) {
		EVP_PKEY_free(r->items[i].key);
		r->items[i].key = NULL;
		r->items[i].answered = false;
	}
}

EVP_PKEY *fetched_find(const struct fetched *r, const uint8_t id[KEY_ID_LEN])
{
	const struct named *n = find(r, id);

	return n ? n->key : NULL;
}

size_t fetched_missing(const struct fetched *r, uint32_t revision, bool unanswered,
                       uint8_t (*ret_ids)[KEY_ID_LEN], size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++) {
		if (r->items[i].key || r->items[i].last_revision < revision ||
		    (unanswered && r->items[i].answered))
			continue;
		if (count < max)
			memcpy(ret_ids[count], r->items[i].id, KEY_ID_LEN);
		count++;
	}
	return SL_MIN(count, max);
}

/* ---- what comes -------------------------------------------------------------------------- */

static int agree(struct fetched *r, const uint8_t encapsulated[HPKE_ENCAPSULATED])
{
	int rc;

	if (r->agreed && memcmp(r->encapsulated, encapsulated, HPKE_ENCAPSULATED) == 0)
		return 0;
	forget_context(r);
	memcpy(r->encapsulated, encapsulated, HPKE_ENCAPSULATED);
	rc = hpke_receive(r->sealing, HPKE_INFO_DEVICE_KEY, encapsulated, &r->context);
	r->agreed = rc == 0;
	return rc;
}

/* The associated data: the key's id, then the device's name. */
static int open_sealed(struct fetched *r, const struct ipc_sealed_key *msg,
                       uint8_t plain[SEALED_MAX], size_t *ret_len)
{
	uint8_t aad[KEY_ID_LEN + DEVICE_MAX];
	int rc;

	if (!r->sealing || msg->encapsulated.len != HPKE_ENCAPSULATED ||
	    msg->sealed.len <= HPKE_TAG || msg->sealed.len > SEALED_MAX ||
	    msg->device.len > DEVICE_MAX)
		return SL_EMALFORMED;
	memcpy(aad, msg->id.data, KEY_ID_LEN);
	if (msg->device.len > 0)
		memcpy(aad + KEY_ID_LEN, msg->device.data, msg->device.len);
	rc = agree(r, msg->encapsulated.data);
	if (rc == 0)
		rc = hpke_context_open(&r->context, msg->number, aad, KEY_ID_LEN + msg->device.len,
		                       msg->sealed.data, msg->sealed.len, plain);
	if (rc == 0)
		*ret_len = msg->sealed.len - HPKE_TAG;
	return rc;
}

/* PKCS8, to its last byte, and no other key than the one that was asked for. */
static int parse_key(const uint8_t *der, size_t len, const uint8_t *id, EVP_PKEY **ret_key)
{
	const uint8_t *at = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
	EVP_PKEY *key = info && at == der + len ? EVP_PKCS82PKEY(info) : NULL;
	uint8_t own[KEY_ID_LEN];
	int rc = SL_EMALFORMED;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC")))
		rc = pki_key_id(key, own);
	if (rc == 0 && memcmp(own, id, KEY_ID_LEN) != 0)
		rc = SL_EMISMATCH;
	ERR_clear_error();
	if (rc == 0)
		*ret_key = key;
	else
		EVP_PKEY_free(key);
	return rc;
}

static int take(struct fetched *r, struct named *n, const struct ipc_sealed_key *msg)
{
	uint8_t plain[SEALED_MAX];
	EVP_PKEY *key = NULL;
	size_t len = 0;
	int rc = open_sealed(r, msg, plain, &len);

	if (rc == 0)
		rc = parse_key(plain, len, n->id, &key);
	OPENSSL_cleanse(plain, sizeof(plain));
	if (rc != 0)
		return rc;
	EVP_PKEY_free(n->key);
	n->key = key;
	return 0;
}

int fetched_take(struct fetched *r, const struct ipc_sealed_key *msg)
{
	struct named *n = msg->id.len == KEY_ID_LEN ? find(r, msg->id.data) : NULL;
	int rc;

	if (!n)
		return SL_ENOENT;
	n->answered = true;
	if (msg->status != 0)
		return SL_EREFUSED;
	rc = take(r, n, msg);
	if (rc != 0)
		log_error("a private key that the SMS sent cannot be used: %s (key "
		          "%02x%02x%02x%02x...)",
		          err_text(rc), n->id[0], n->id[1], n->id[2], n->id[3]);
	return rc;
}
