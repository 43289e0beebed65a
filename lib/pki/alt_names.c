/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a subjectAltName (RFC 5280 section 4.2.1.6). */
#include "lib/pki/alt_names_priv.h"

#include "lib/base/err.h"

enum {
	TAG_SEQUENCE = 0x30,
	TAG_DNS = 0x82, /* [2] IA5String */
	TAG_IP = 0x87,  /* [7] OCTET STRING */
	DNS_LEN_MAX = 253,
};

/* A definite length in its shortest form, up to four bytes (X.690 section 10.1). */
static size_t read_length(struct reader *r)
{
	uint8_t first = reader_u8(r);
	size_t bytes = first & 0x7f;
	size_t len;

	if (first < 0x80)
		return first;
	if (bytes == 0 || bytes > 4) {
		r->failed = true;
		return 0;
	}
	len = (size_t)reader_uint_be(r, bytes);
	if (len < 0x80 || len >> (8 * (bytes - 1)) == 0)
		r->failed = true;
	return len;
}

int alt_names_open(const uint8_t *der, size_t len, struct reader *ret_names)
{
	struct reader r = reader_of(der, len);
	uint8_t tag = reader_u8(&r);
	size_t content = read_length(&r);

	if (r.failed || tag != TAG_SEQUENCE || content == 0 || content != reader_left(&r))
		return SL_EMALFORMED;
	*ret_names = r;
	return 0;
}

bool alt_names_next(struct reader *names, struct alt_name *ret_name)
{
	const uint8_t *der = names->at;
	struct alt_name name = {.kind = ALT_OTHER, .der = der};
	uint8_t tag;

	if (names->failed || reader_left(names) == 0)
		return false;
	tag = reader_u8(names);
	name.len = read_length(names);
	name.data = reader_take(names, name.len);
	/* Each choice of GeneralName has a context tag below 31. */
	if ((tag & 0xc0) != 0x80 || (tag & 0x1f) > 8)
		names->failed = true;
	if (names->failed)
		return false;
	if (tag == TAG_DNS)
		name.kind = ALT_DNS;
	else if (tag == TAG_IP)
		name.kind = ALT_IP;
	name.der_len = (size_t)(names->at - der);
	*ret_name = name;
	return true;
}

bool alt_name_is_sound(const struct alt_name *name)
{
	if (name->kind == ALT_IP)
		return name->len == 4 || name->len == 16;
	if (name->kind != ALT_DNS || name->len == 0 || name->len > DNS_LEN_MAX)
		return false;
	for (size_t i = 0; i < name->len; i++)
		if (name->data[i] <= ' ' || name->data[i] >= 0x7f)
			return false;
	return true;
}

const uint8_t *alt_names_of(const X509 *cert, size_t *ret_len, bool *ret_twice)
{
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
	const ASN1_OCTET_STRING *value;

	*ret_len = 0;
	*ret_twice = false;
	if (at < 0)
		return NULL;
	*ret_twice = X509_get_ext_by_NID(cert, NID_subject_alt_name, at) >= 0;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	*ret_len = (size_t)ASN1_STRING_length(value);
	return ASN1_STRING_get0_data(value);
}
