/* SPDX-License-Identifier: Apache-2.0 */
/* The block page: one whole answer, and no text in it says more than text. */
#include "tpsd/session/blockpage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tpsd/fixture.h"

static char page[BLOCKPAGE_MAX + 1];

static const char *write_page(struct blockpage p)
{
	size_t len;

	p.filter = p.filter ? p.filter : "SQL in a query";
	p.contact = p.contact ? p.contact : "";
	p.device = "lab";
	p.time_s = 1764151200; /* 2025-11-26 10:00 UTC */
	len = blockpage_write(&p, page);
	assert_true(len < BLOCKPAGE_MAX);
	page[len] = '\0';
	return strstr(page, "\r\n\r\n") + 4;
}

static size_t count(const char *text, const char *set)
{
	size_t n = 0;

	for (; *text; text++)
		n += strchr(set, *text) != NULL;
	return n;
}

static void it_is_one_whole_answer(void **state)
{
	const struct blockpage p = {.sid = 77, .flow = 7364201882550272, .contact = "IT, desk 4"};
	const char *body = write_page(p);
	char length[64];

	assert_ptr_equal(strstr(page, "HTTP/1.1 403 "), page);
	(void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(body));
	assert_non_null(strstr(page, length));
	assert_non_null(strstr(page, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(page, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(page, "\r\nDate: Wed, 26 Nov 2025 10:00:00 GMT\r\n"));
	assert_non_null(strstr(body, "SQL in a query"));
	assert_non_null(strstr(body, ">77<"));
	assert_non_null(strstr(body, "7364201882550272"));
	assert_non_null(strstr(body, "IT, desk 4"));
	assert_non_null(strstr(body, "2025-11-26 10:00:00 UTC"));
}

static void the_answer_to_a_head_has_no_body_and_its_length(void **state)
{
	const struct blockpage p = {.flow = 5}, head = {.flow = 5, .head = true};
	char whole[BLOCKPAGE_MAX];
	size_t len;

	len = (size_t)(write_page(p) - page);
	memcpy(whole, page, len);
	assert_string_equal(write_page(head), "");
	assert_int_equal(strlen(page), len);
	assert_memory_equal(page, whole, len);
}

static void texts_are_escaped_and_cut(void **state)
{
	const struct blockpage plain = {.contact = "x"};
	struct blockpage p = {.filter = "<script>alert('1')</script>&\"\r\n\x01\xff\xc3\xa4",
	                      .contact = "</p><img src=x onerror=y>"};
	size_t tags = count(write_page(plain), "<>\""), lines = count(page, "\r\n");
	char text[4 * BLOCKPAGE_TEXT_MAX];
	const char *body = write_page(p);

	assert_int_equal(count(body, "<>\""), tags);
	assert_int_equal(count(page, "\r\n"), lines);
	assert_non_null(strstr(body, "&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;"
	                             "&#38;&#34;????\xc3\xa4<"));
	/* Every byte the longest that it can be. */
	memset(text, '<', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	p.filter = p.contact = text;
	body = write_page(p);
	assert_int_equal(count(body, "<>\""), tags);
	assert_non_null(strstr(body, "</html>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_is_one_whole_answer),
	        cmocka_unit_test(the_answer_to_a_head_has_no_body_and_its_length),
	        cmocka_unit_test(texts_are_escaped_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
