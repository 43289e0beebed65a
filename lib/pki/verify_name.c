/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a certificate against the name a client asked for. Not by X509_check_host: it takes
 * partial wildcards and decodes each name onto the heap.
 */
#include <openssl/err.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/alt_names_priv.h"
#include "lib/pki/cert.h"
#include "lib/pki/forge.h"
#include "lib/pki/verify_priv.h"

/* A NUL or what is not ASCII makes others read another name than we do. */
static bool is_ascii(const struct alt_name *name)
{
	for (size_t i = 0; i < name->len; i++)
		if (name->data[i] == 0 || name->data[i] >= 0x80)
			return false;
	return true;
}

static bool can_be_read(const uint8_t *der, size_t len)
{
	struct reader names;
	struct alt_name name;

	if (alt_names_open(der, len, &names) != 0)
		return false;
	while (alt_names_next(&names, &name)) {
		if (name.kind == ALT_DNS && !is_ascii(&name))
			return false;
		if (name.kind == ALT_IP && !alt_name_is_sound(&name))
			return false;
	}
	return !names.failed;
}

enum pki_fault names_check_shape(const X509 *leaf)
{
	size_t len;
	bool twice;
	const uint8_t *der = alt_names_of(leaf, &len, &twice);

	if (!der)
		return PKI_FAULT_NONE;
	if (twice)
		return PKI_FAULT_MALFORMED;
	if (len > PKI_ALT_NAMES_DER_MAX)
		return PKI_FAULT_TOO_LARGE;
	return can_be_read(der, len) ? PKI_FAULT_NONE : PKI_FAULT_MALFORMED;
}

/* A wildcard is for one label, and not for all names of a top-level domain. */
static bool covers(const char *pattern, const char *name)
{
	const char *below;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, name) == 0;
	below = strchr(name, '.');
	return below && strcmp(below + 1, pattern + 2) == 0 && strchr(pattern + 2, '.');
}

struct asked {
	bool is_address;
	struct addr address;
	char name[PKI_NAME_MAX];
	bool found;
};

static bool is_address(const struct alt_name *name, const struct addr *a)
{
	size_t len = a->family == ADDR_V4 ? 4 : 16;

	return name->len == len && memcmp(name->data, a->bytes + 16 - len, len) == 0;
}

static bool is_asked_for(const struct alt_name *name, const struct asked *asked)
{
	char pattern[PKI_NAME_MAX];

	if (asked->is_address)
		return name->kind == ALT_IP && is_address(name, &asked->address);
	return name->kind == ALT_DNS &&
	       pki_name_normalise((const char *)name->data, name->len, true, pattern) == 0 &&
	       covers(pattern, asked->name);
}

static void look_at_common_name(void *arg, const char *pattern)
{
	struct asked *asked = arg;

	asked->found = asked->found || covers(pattern, asked->name);
}

static bool read_name(const char *name, struct asked *asked)
{
	*asked = (struct asked){.is_address = addr_parse(name, &asked->address) == 0};
	if (asked->is_address)
		return addr_parse(name, &asked->address) == 0;
	return pki_name_normalise(name, strnlen(name, PKI_NAME_MAX + 1), false, asked->name) == 0;
}

bool names_match(const X509 *leaf, const char *name)
{
	size_t len;
	bool twice;
	const uint8_t *der = alt_names_of(leaf, &len, &twice);
	struct asked asked;
	struct reader names;
	struct alt_name entry;

	if (!read_name(name, &asked))
		return false;
	if (!der) {
		if (!asked.is_address)
			(void)pki_cert_names(leaf, look_at_common_name, &asked);
		return asked.found;
	}
	if (alt_names_open(der, len, &names) != 0)
		return false;
	while (!asked.found && alt_names_next(&names, &entry))
		asked.found = is_asked_for(&entry, &asked);
	return asked.found;
}
