/* operators.h: the operators of Arrays, as slots of their type. */
#ifndef MJX_OPERATORS_H
#define MJX_OPERATORS_H

#include "callpath.h"

extern PyType_Slot mjx_operator_slots[]; /* ends with {0, NULL} */

#endif /* MJX_OPERATORS_H */
