/* SPDX-License-Identifier: Apache-2.0 */
/* What may be allowed, and how the store writes it down. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/auth/auth_priv.h"

static const char *const names[] = {
#define X(NAME, name, source, help) [AUTH_##NAME] = name,
#include "smsd/auth/capability.def"
#undef X
};

_Static_assert(AUTH_CAPABILITY_END <= 64, "identities have 64 bits for them");

const char *auth_capability_name(enum auth_capability capability)
{
	return (unsigned)capability < AUTH_CAPABILITY_END ? names[capability] : NULL;
}

int auth_capability_parse(const char *name, enum auth_capability *ret_capability)
{
	for (int i = 0; i < AUTH_CAPABILITY_END; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_capability = (enum auth_capability)i;
			return 0;
		}
	}
	return SL_ENOENT;
}

uint64_t capability_all(void)
{
	return UINT64_MAX >> (64 - AUTH_CAPABILITY_END);
}

/* Who may write any of it, or do anything to devices, may look at all of it: a change is made of
 * what is there. */
static const uint64_t configuration =
        AUTH_BIT(DEVICE_CERTIFICATES) | AUTH_BIT(PROFILES) | AUTH_BIT(SERVER_PROXIES) |
        AUTH_BIT(CLIENT_PROXIES) | AUTH_BIT(SSL_SETTINGS) | AUTH_BIT(LOCK_SSL_FILTER) |
        AUTH_BIT(DEVICES) | AUTH_BIT(DISTRIBUTE) | AUTH_BIT(PANIC) | AUTH_BIT(SMS_SETTINGS);

uint64_t auth_capability_closure(uint64_t capabilities)
{
	capabilities &= capability_all();
	return capabilities & configuration ? capabilities | AUTH_BIT(VIEW_CONFIGURATION)
	                                    : capabilities;
}

json_t *auth_capability_list(uint64_t capabilities)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < AUTH_CAPABILITY_END; i++)
		if (capabilities >> i & 1)
			(void)json_array_append_new(list, json_string(names[i]));
	return list;
}

void scopes_write(uint64_t scopes, char ret_text[SCOPES_TEXT_MAX])
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (unsigned i = 0; i < AUTH_CAPABILITY_END; i++)
		if (scopes >> i & 1 && used < SCOPES_TEXT_MAX)
			used += (size_t)snprintf(ret_text + used, SCOPES_TEXT_MAX - used, "%s%s",
			                         used ? " " : "", names[i]);
}

uint64_t scopes_read(const char *text)
{
	uint64_t scopes = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		for (unsigned i = 0; i < AUTH_CAPABILITY_END; i++)
			if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
				scopes |= 1ULL << i;
		text += len;
		text += strspn(text, " ");
	}
	return auth_capability_closure(scopes);
}
