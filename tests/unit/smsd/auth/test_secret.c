/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/auth/auth_priv.h"

#include "lib/base/err.h"
#include "tests/unit/unit.h"

static void a_secret_is_32_random_bytes_in_base64url_behind_its_prefix(void **state)
{
	char one[AUTH_SECRET_MAX], other[AUTH_SECRET_MAX];

	for (int i = 0; i < 200; i++) {
		assert_int_equal(secret_make(TOKEN_PREFIX, one), 0);
		assert_int_equal(secret_make(TOKEN_PREFIX, other), 0);
		assert_int_equal(strlen(one), strlen(TOKEN_PREFIX) + SECRET_CHARS);
		assert_memory_equal(one, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
		assert_string_not_equal(one, other);
		assert_int_equal(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		                             "0123456789-_"),
		                 strlen(one));
		/* 258 bits have room for 256: the last two are zero, so one of 16 characters. */
		assert_non_null(strchr("AEIMQUYcgkosw048", one[strlen(one) - 1]));
	}
}

static void each_bit_of_a_secret_is_in_its_text(void **state)
{
	/* Of 64 characters each stands in each place (but the last) within 2,000 secrets, but for
	 * a chance of one in 10^12. */
	bool seen[SECRET_CHARS - 1][128] = {0};
	char text[AUTH_SECRET_MAX];

	for (int i = 0; i < 2500; i++) {
		assert_int_equal(secret_make("", text), 0);
		for (int at = 0; at < SECRET_CHARS - 1; at++)
			seen[at][(unsigned char)text[at]] = true;
	}
	for (int at = 0; at < SECRET_CHARS - 1; at++) {
		int count = 0;

		for (int c = 0; c < 128; c++)
			count += seen[at][c];
		assert_int_equal(count, 64);
	}
}

static void the_digest_is_sha_256_of_the_text(void **state)
{
	/* printf slp1_AAAA...A (43) | sha256sum */
	static const uint8_t known[] = {0x91, 0x1d, 0x36, 0xd6, 0x5f, 0x3f, 0x4c, 0x34,
	                                0xe7, 0xd0, 0xbe, 0x45, 0x20, 0x51, 0xcc, 0xb5,
	                                0xe4, 0xa6, 0x6c, 0x16, 0x0e, 0x38, 0xc7, 0x96,
	                                0x58, 0x0e, 0x3f, 0x05, 0x1f, 0x01, 0x12, 0x4a};
	uint8_t digest[SECRET_DIGEST_SIZE];

	assert_int_equal(secret_digest(TOKEN_PREFIX,
	                               "slp1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", digest),
	                 0);
	assert_memory_equal(digest, known, sizeof(digest));
}

static void what_cannot_be_a_secret_is_looked_for_nowhere(void **state)
{
	static const char *const texts[] = {
	        "",
	        "slp1_",
	        "slp1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	        "slp1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	        "slp2_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	        "slp1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	        "slp1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/",
	        "slp1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\xc3",
	};
	uint8_t digest[SECRET_DIGEST_SIZE];

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		assert_int_equal(secret_digest(TOKEN_PREFIX, texts[i], digest), SL_EPERM);
}

static void the_headers_are_read_as_they_come(void **state)
{
	static const struct {
		const char *authorization, *cookie;
		bool is_token;
		const char *text; /* NULL: refused */
	} cases[] = {
	        {"Bearer slp1_x", "", true, "slp1_x"},
	        {"bearer   slp1_x  ", "", true, "slp1_x"},
	        {"Bearer slp1_x", "sluice_session=y", true, "slp1_x"},
	        {"Basic eDp5", "sluice_session=y", false, NULL},
	        {"Bearer ", "sluice_session=y", false, NULL},
	        {"Bearer", "", false, NULL},
	        {"", "sluice_session=y", false, "y"},
	        {"", "a=b; sluice_session=y; c=d", false, "y"},
	        {"", "a=b;sluice_session=y;c=d", false, "y"},
	        {"", "sluice_session=y ; c", false, "y"},
	        {"", "xsluice_session=n; sluice_session2=n", false, NULL},
	        {"", "a=sluice_session=n", false, NULL},
	        {"", "sluice_session", false, NULL},
	        {"", "sluice_session=", false, NULL},
	        {"", ";;; =;", false, NULL},
	        {"", "", false, NULL},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct credential credential;
		int rc = credential_read(cases[i].authorization, cases[i].cookie, &credential);

		assert_int_equal(rc, cases[i].text ? 0 : SL_EPERM);
		if (rc == 0) {
			assert_string_equal(credential.text, cases[i].text);
			assert_int_equal(credential.is_token, cases[i].is_token);
		}
	}
}

static void a_second_cookie_of_the_name_is_refused_since_it_is_someone_elses(void **state)
{
	struct credential credential;

	assert_int_equal(credential_read("", "sluice_session=a; sluice_session=b", &credential),
	                 SL_EPERM);
}

static void a_credential_longer_than_any_is_refused(void **state)
{
	char header[4096] = "Bearer ", cookie[4096] = AUTH_COOKIE "=";
	struct credential credential;

	memset(header + strlen(header), 'A', AUTH_SECRET_MAX);
	memset(cookie + strlen(cookie), 'A', AUTH_SECRET_MAX);
	assert_int_equal(credential_read(header, "", &credential), SL_EPERM);
	assert_int_equal(credential_read("", cookie, &credential), SL_EPERM);
}

static void the_cookie_is_kept_from_scripts_other_sites_and_cleartext(void **state)
{
	struct auth_session session = {.cookie = "abc"};
	char text[AUTH_SET_COOKIE_MAX];

	auth_set_cookie(&session, text);
	assert_string_equal(text, "sluice_session=abc; Path=/; Secure; HttpOnly; SameSite=Strict");
	auth_set_cookie(NULL, text);
	assert_string_equal(
	        text, "sluice_session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
}

static void scopes_are_names_with_a_space_between_and_back(void **state)
{
	char text[SCOPES_TEXT_MAX];
	enum auth_capability capability;

	scopes_write(capability_all(), text);
	assert_int_equal(scopes_read(text), capability_all());
	scopes_write(1ULL << AUTH_AUDIT | 1ULL << AUTH_PEOPLE, text);
	assert_string_equal(text, "people audit");
	assert_int_equal(scopes_read("audit gone_since people "),
	                 1ULL << AUTH_AUDIT | 1ULL << AUTH_PEOPLE);
	assert_int_equal(scopes_read("audi audits"), 0);
	assert_int_equal(auth_capability_parse("audit", &capability), 0);
	assert_int_equal(capability, AUTH_AUDIT);
	assert_int_equal(auth_capability_parse("", &capability), SL_ENOENT);
	assert_null(auth_capability_name(AUTH_CAPABILITY_END));
}

static void who_may_write_configuration_may_look_at_it(void **state)
{
	assert_int_equal(scopes_read("profiles"),
	                 AUTH_BIT(PROFILES) | AUTH_BIT(VIEW_CONFIGURATION));
	assert_int_equal(auth_capability_closure(AUTH_BIT(DISTRIBUTE)),
	                 AUTH_BIT(DISTRIBUTE) | AUTH_BIT(VIEW_CONFIGURATION));
	assert_int_equal(auth_capability_closure(AUTH_BIT(AUDIT) | AUTH_BIT(PEOPLE)),
	                 AUTH_BIT(AUDIT) | AUTH_BIT(PEOPLE));
	assert_int_equal(auth_capability_closure(UINT64_MAX), capability_all());
}

static void only_a_role_that_is_there_may_anything(void **state)
{
	assert_int_equal(role_may("Administrator", ""), capability_all());
	assert_int_equal(role_may("administrator", ""), 0);
	assert_int_equal(role_may("", ""), 0);
	assert_int_equal(role_may("made here", "audit"), AUTH_BIT(AUDIT));
	/* A default one is ours, whatever the store says. */
	assert_int_equal(role_may("Observer", "people"), AUTH_BIT(VIEW_CONFIGURATION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_secret_is_32_random_bytes_in_base64url_behind_its_prefix),
	        cmocka_unit_test(each_bit_of_a_secret_is_in_its_text),
	        cmocka_unit_test(the_digest_is_sha_256_of_the_text),
	        cmocka_unit_test(what_cannot_be_a_secret_is_looked_for_nowhere),
	        cmocka_unit_test(the_headers_are_read_as_they_come),
	        cmocka_unit_test(a_second_cookie_of_the_name_is_refused_since_it_is_someone_elses),
	        cmocka_unit_test(a_credential_longer_than_any_is_refused),
	        cmocka_unit_test(the_cookie_is_kept_from_scripts_other_sites_and_cleartext),
	        cmocka_unit_test(scopes_are_names_with_a_space_between_and_back),
	        cmocka_unit_test(who_may_write_configuration_may_look_at_it),
	        cmocka_unit_test(only_a_role_that_is_there_may_anything),
	};

	return RUN_TESTS(tests);
}
