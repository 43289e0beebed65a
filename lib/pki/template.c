/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a forged leaf takes over from the server's certificate. That may be anything: what a leaf
 * cannot have is left out, and pki_verify_chain() finds the fault, so such a leaf is signed by the
 * untrusted CA only.
 */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/alt_names_priv.h"
#include "lib/pki/cert.h"
#include "lib/pki/forge.h"
#include "lib/pki/subject_priv.h"

enum { HEADER_MAX = 4 /* tag and length of 65,535 bytes at most */ };

static int read_subject(const X509 *leaf, struct pki_template *t)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	unsigned char *der = NULL;
	int len;

	if (X509_NAME_entry_count(subject) == 0 || !subject_is_sound(subject))
		return 0;
	len = i2d_X509_NAME(subject, NULL);
	if (len <= 0 || len > PKI_SUBJECT_DER_MAX)
		return 0;
	t->subject = der = malloc((size_t)len);
	if (!der)
		return SL_ENOMEM;
	t->subject_len = (size_t)i2d_X509_NAME(subject, &der);
	return 0;
}

/* Writes the SEQUENCE's tag and length just before its content; returns where it begins. */
static uint8_t *put_header(uint8_t *content, size_t len)
{
	uint8_t *at = content;

	*--at = (uint8_t)len;
	if (len > 0xff)
		*--at = (uint8_t)(len >> 8);
	if (len > 0x7f)
		*--at = len > 0xff ? 0x82 : 0x81;
	*--at = 0x30;
	return at;
}

/* The sound DNS names and addresses, as many as fit. Returns the bytes of content. */
static size_t take_names(struct reader *names, uint8_t *to, size_t room)
{
	struct alt_name name;
	size_t used = 0;

	while (alt_names_next(names, &name)) {
		if (!alt_name_is_sound(&name))
			continue;
		if (name.der_len > room - used)
			break;
		memcpy(to + used, name.der, name.der_len);
		used += name.der_len;
	}
	return used;
}

static int read_alt_names(const X509 *leaf, struct pki_template *t)
{
	struct reader names;
	size_t len;
	bool twice;
	const uint8_t *der = alt_names_of(leaf, &len, &twice);
	size_t room;
	uint8_t *own;
	uint8_t *begin;
	size_t used;

	if (!der || twice || alt_names_open(der, len, &names) != 0)
		return 0;
	room = SL_MIN(reader_left(&names), (size_t)PKI_ALT_NAMES_DER_MAX - HEADER_MAX);
	own = malloc(HEADER_MAX + room);
	if (!own)
		return SL_ENOMEM;
	used = take_names(&names, own + HEADER_MAX, room);
	if (used == 0) {
		free(own);
		return 0;
	}
	begin = put_header(own + HEADER_MAX, used);
	t->alt_names_len = (size_t)(own + HEADER_MAX + used - begin);
	memmove(own, begin, t->alt_names_len);
	t->alt_names = own;
	return 0;
}

int pki_template_read(const X509 *leaf, struct pki_template *ret)
{
	struct pki_template t = {0};
	struct pki_validity validity;
	int rc = pki_cert_validity(leaf, 0, &validity);

	if (rc == 0) {
		t.not_before = validity.not_before;
		t.not_after = validity.not_after;
		rc = read_subject(leaf, &t);
	}
	if (rc == 0)
		rc = read_alt_names(leaf, &t);
	ERR_clear_error();
	if (rc != 0) {
		pki_template_fini(&t);
		return rc;
	}
	*ret = t;
	return 0;
}

void pki_template_fini(struct pki_template *t)
{
	free((void *)(uintptr_t)t->subject);
	free((void *)(uintptr_t)t->alt_names);
	*t = (struct pki_template){0};
}
