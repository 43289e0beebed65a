/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/api/object_page.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { OK = 200 };

/* One more than the page has says that there is a next one. */
struct page {
	api_object_fn *show;
	json_t *items;
	size_t limit;
	char next[OBJECT_NAME_MAX]; /* name of the last one; counts when `more` */
	bool more;
};

static int add_item(void *arg, const struct object *object)
{
	struct page *page = arg;

	if (json_array_size(page->items) == page->limit) {
		page->more = true;
		return 1;
	}
	memcpy(page->next, object->name, sizeof(page->next));
	return json_array_append_new(page->items, page->show(object)) == 0 ? 0 : SL_ENOMEM;
}

int api_answer_objects(struct api_call *call, enum object_kind kind, api_object_fn *show)
{
	char *after = http_query_value(call->request, "after");
	struct page page = {.show = show, .items = json_array()};
	int64_t limit = 0;
	int rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &limit);

	page.limit = (size_t)limit;
	if (rc == 0)
		rc = page.items ? object_list(call->context->store, kind, after ? after : "",
		                              (unsigned)limit + 1, add_item, &page)
		                : SL_ENOMEM;
	free(after);
	if (rc == 0)
		return api_answer(call, OK,
		                  json_pack("{s:o, s:s}", "items", page.items, "next",
		                            page.more ? page.next : ""));
	json_decref(page.items);
	return rc;
}
