/* SPDX-License-Identifier: Apache-2.0 */
/* Class objects of this process: the table behind CoRegisterClassObject. */
#pragma once
#include "com/apartment.h"
#include "unknwn.h"

#define CLASS_OBJECTS_MAX 1024 /* of one process */

typedef struct ClassObject {
    IUnknown *unknown;    /* a reference */
    Apartment *apartment; /* likewise: where it is called; NULL: the MTA */
} ClassObject;

/* For activations within the process: what offers the class here and is not suspended. A class object of
 * another single-threaded apartment is not found. REGDB_E_CLASSNOTREG. */
HRESULT class_object_find(const CLSID *clsid, IUnknown **ret_unknown) must_use;
/* For an activation that mantled hands on. One that is for single use is gone afterwards.
 * REGDB_E_CLASSNOTREG: revoked, used or suspended meanwhile. */
HRESULT class_object_use(const CLSID *clsid, uint32_t cookie, ClassObject *ret_object) must_use;
void class_object_deinit(ClassObject *object);
/* Says all of them to a mantled that does not know them. */
void class_objects_announce(void);
/* Those of an apartment that ends, from within; and all. */
void class_objects_revoke(Apartment *apartment);
void class_objects_revoke_all(void);
