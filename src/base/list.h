/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive doubly linked list. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct List {
    struct List *next, *previous;
} List;

static inline void list_init(List *list)
{
    list->next = list->previous = list;
}
static inline bool list_is_empty(const List *list)
{
    return list->next == list;
}
static inline void list_append(List *list, List *item)
{
    item->previous = list->previous;
    item->next = list;
    list->previous->next = item;
    list->previous = item;
}
/* Safe on an item that is in no list, as long as it was initialised. */
static inline void list_remove(List *item)
{
    item->previous->next = item->next;
    item->next->previous = item->previous;
    list_init(item);
}
#define list_each(item, list)                                                                                \
    for (List *item = (list)->next, *item##_next = item->next; item != (list);                               \
         item = item##_next, item##_next = item->next)
