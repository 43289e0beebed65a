/* SPDX-License-Identifier: Apache-2.0 */
/* What a role and a token's scopes are worth. */
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

uint64_t capability_with_view(uint64_t capabilities)
{
	static const enum auth_capability configuration[] = {
	        AUTH_PROFILES,        AUTH_SERVER_PROXIES, AUTH_CLIENT_PROXIES, AUTH_SSL_SETTINGS,
	        AUTH_LOCK_SSL_FILTER, AUTH_DEVICES,        AUTH_DISTRIBUTE};

	for (size_t i = 0; i < SL_ARRAY_LEN(configuration); i++)
		if (capabilities >> configuration[i] & 1)
			capabilities |= UINT64_C(1) << AUTH_VIEW_CONFIGURATION;
	return capabilities;
}

struct role {
	const char *name;
	uint64_t capabilities;
};

#define ROLE_EVERYTHING UINT64_MAX

static const struct role roles[] = {
#define X(NAME, name, capabilities, source, help) {name, capabilities},
#include "smsd/auth/role.def"
#undef X
};

uint64_t role_capabilities(const char *name)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(roles); i++)
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].capabilities & capability_all();
	return 0;
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
	return scopes;
}
