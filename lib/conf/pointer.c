/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/conf/pointer.h"

#include <stdio.h>
#include <string.h>

size_t conf_pointer_enter(struct conf_pointer *pointer, const char *row)
{
	size_t was = pointer->len;

	(void)snprintf(pointer->text + was, sizeof(pointer->text) - was, "/%s", row);
	pointer->len += strlen(pointer->text + was);
	return was;
}

size_t conf_pointer_enter_item(struct conf_pointer *pointer, size_t index)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%zu", index);
	return conf_pointer_enter(pointer, number);
}

void conf_pointer_leave(struct conf_pointer *pointer, size_t was)
{
	pointer->text[was] = '\0';
	pointer->len = was;
}
