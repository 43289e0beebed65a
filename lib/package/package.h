/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed packages: what comes to a device from outside its configuration. Written by `tps` and the
 * manager, read by `control` and `tps`; any thread.
 *
 * Layout, little-endian, no gaps:
 *   "SLUICEPK", u16 layout major, u16 minor, u32 bytes of metadata, u32 number of sections
 *   metadata: a JSON object of kind, format ("1.0"), name, version, created (seconds since the
 *     epoch), description
 *   a section each: name (32 bytes, NUL-padded), u64 bytes packed, u64 bytes unpacked, SHA-256 of
 *     the packed bytes
 *   Ed25519 signature of everything before it (64 bytes)
 *   the packed sections, zstd
 *
 * Nothing is unpacked before the signature over its digest was verified.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/pki/error.h"

struct buf;
struct package;

enum package_kind {
#define X(ID, name, major, minor, title) PACKAGE_##ID,
#include "lib/package/kind.def"
#undef X
	PACKAGE_KIND_END
};

enum {
	PACKAGE_METADATA_MAX = 64 * 1024,
	PACKAGE_SECTIONS_MAX = 16,
	PACKAGE_SECTION_NAME_MAX = 32, /* NUL included */
	PACKAGE_MAX = 1024 * 1024 * 1024,
	PACKAGE_NAME_MAX = 128, /* of texts below, NUL included */
	PACKAGE_VERSION_MAX = 64,
	PACKAGE_DESCRIPTION_MAX = 512,
	PACKAGE_KEYS_MAX = 16,
	PACKAGE_FINGERPRINT_MAX = 65, /* NUL included */
};

struct package_info {
	enum package_kind kind;
	uint32_t major, minor; /* of the kind's format */
	char name[PACKAGE_NAME_MAX], version[PACKAGE_VERSION_MAX];
	char description[PACKAGE_DESCRIPTION_MAX];
	int64_t created; /* seconds since the epoch */
};

/* What kinds hold, in a section of one name each. */
#define PACKAGE_SECTION_CATEGORIES "categories"        /* lib/domain/category.h */
#define PACKAGE_SECTION_CA         "ca-certificates"   /* PEM */
#define PACKAGE_SECTION_DECRYPTION "decryption-policy" /* JSON: the schema's decryption policy */

/* By its name; PACKAGE_KIND_END: there is none. */
enum package_kind package_kind_find(const char *name) SL_NONNULL(1);

/* "categories", and its title; never NULL. */
const char *package_kind_name(enum package_kind kind);
const char *package_kind_title(enum package_kind kind);

/* ---- keys -------------------------------------------------------------------------------- */

/* Public keys that signatures are verified by. Zero-initialise; package_keys_fini ends it. */
struct package_keys {
	EVP_PKEY *items[PACKAGE_KEYS_MAX];
	size_t count;
};

/* Adds the Ed25519 keys of a PEM file ("BEGIN PUBLIC KEY"). SL_ENOENT, SL_EMALFORMED, SL_ELIMIT. */
int package_keys_load(struct package_keys *keys, const char *path, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The same out of bytes; `name` is for errors. */
int package_keys_parse(struct package_keys *keys, const char *name, const void *pem, size_t len,
                       struct pki_error *err) SL_NONNULL(1, 2, 3, 5) SL_MUST;
void package_keys_fini(struct package_keys *keys) SL_NONNULL(1);

/* SHA-256 of a key's public half (SubjectPublicKeyInfo) in hexadecimal digits. SL_ECRYPTO. */
int package_key_fingerprint(EVP_PKEY *key, char ret_text[PACKAGE_FINGERPRINT_MAX])
        SL_NONNULL(1, 2) SL_MUST;

/* ---- reading ----------------------------------------------------------------------------- */

/*
 * Opens bytes that stay the caller's and outlive *ret. The signature must be of one of `keys`
 * (NULL: it is not looked at; package_is_signed() is then false). SL_EMALFORMED, SL_EPERM (no key
 * fits), SL_EMISMATCH (another kind than `kind`, PACKAGE_KIND_END: any; or a layout or format whose
 * major number is not the one of this build: R41), SL_ENOMEM.
 */
int package_open(const void *bytes, size_t len, enum package_kind kind,
                 const struct package_keys *keys, struct package **ret, struct pki_error *err)
        SL_NONNULL(1, 5, 6) SL_MUST;
void package_close(struct package *p);

const struct package_info *package_info(const struct package *p) SL_NONNULL(1);

/* The number of the key that verified it, from 0; -1 when none was asked. */
int package_signer(const struct package *p) SL_NONNULL(1);

/* Name and unpacked size of a section; SL_ENOENT past the last. */
int package_section_at(const struct package *p, size_t index, const char **ret_name,
                       uint64_t *ret_len) SL_NONNULL(1, 3, 4) SL_MUST;

/* Adds a section's bytes to `out`, whose maximum bounds them. SL_ENOENT, SL_ELIMIT,
 * SL_EMALFORMED, SL_ENOMEM. */
int package_read(const struct package *p, const char *name, struct buf *out)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* ---- writing ----------------------------------------------------------------------------- */

/* The Ed25519 private key of a PEM file, closed to group and others. EVP_PKEY_free ends it.
 * SL_ENOENT, SL_EPERM, SL_EMALFORMED. */
int package_key_load(const char *path, EVP_PKEY **ret_key, struct pki_error *err)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* When one is made that is made now, in seconds since the epoch: SOURCE_DATE_EPOCH where that is
 * set, so that the same input makes the same package. */
int64_t package_time(void);

struct package_section {
	const char *name; /* below PACKAGE_SECTION_NAME_MAX bytes, unique */
	const void *data;
	size_t len;
};

/*
 * Adds a package to `out`, signed by an Ed25519 private key. `info`: major and minor are those of
 * this build whatever stands there. SL_EINVAL, SL_ELIMIT, SL_ECRYPTO, SL_ENOMEM.
 */
int package_write(const struct package_info *info, const struct package_section *sections,
                  size_t count, EVP_PKEY *key, struct buf *out) SL_NONNULL(1, 2, 4, 5) SL_MUST;
