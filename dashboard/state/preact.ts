// The one door to Preact. What is written as JSX comes to its `jsx-runtime` by the compiler.

export { type ComponentChildren, render } from 'preact'
export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
