import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";

interface Labelled {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  /** Leaves the label to those who cannot see that it is not needed. */
  readonly isLabelHidden?: boolean;
}

function Field({ id, label, hint, error, isLabelHidden, children }: Labelled & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelHidden ? "hidden-label" : ""}>
        {label}
      </label>
      {children}
      {error ? (
        <FieldError id={`${id}-error`} text={error} />
      ) : (
        hint && (
          <span id={`${id}-hint`} className="hint">
            {hint}
          </span>
        )
      )}
    </div>
  );
}

/** What is wrong with a field; also of one that is no field of this file. */
export function FieldError({ id, text }: { id?: string; text: string | undefined }) {
  return (
    text && (
      <span id={id} className="error">
        {text}
      </span>
    )
  );
}

function describe(id: string, { hint, error }: Labelled) {
  return {
    id,
    "aria-invalid": error ? true : undefined,
    "aria-describedby": error ? `${id}-error` : hint ? `${id}-hint` : undefined,
  };
}

type TextProps = Labelled & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> };

export function TextField({ label, hint, error, isLabelHidden = false, className = "", ...rest }: TextProps) {
  const id = useId();
  const labelled = { label, hint, error, isLabelHidden };
  return (
    <Field id={id} {...labelled}>
      <input
        autoComplete="off"
        spellCheck={false}
        className={`input ${className}`}
        {...describe(id, labelled)}
        {...rest}
      />
    </Field>
  );
}

type AreaProps = Labelled & TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> };

export function TextArea({ label, hint, error, isLabelHidden = false, className = "", rows = 3, ...rest }: AreaProps) {
  const id = useId();
  const labelled = { label, hint, error, isLabelHidden };
  return (
    <Field id={id} {...labelled}>
      <textarea className={`input ${className}`} rows={rows} spellCheck={false} {...describe(id, labelled)} {...rest} />
    </Field>
  );
}

type SelectProps = Labelled &
  SelectHTMLAttributes<HTMLSelectElement> & {
    ref?: Ref<HTMLSelectElement>;
    readonly options: readonly (readonly [value: string | number, name: string])[];
  };

export function SelectField({ label, hint, error, isLabelHidden = false, options, ...rest }: SelectProps) {
  const id = useId();
  const labelled = { label, hint, error, isLabelHidden };
  return (
    <Field id={id} {...labelled}>
      <select className="input" {...describe(id, labelled)} {...rest}>
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}

type CheckProps = { readonly label: ReactNode } & InputHTMLAttributes<HTMLInputElement> & {
    ref?: Ref<HTMLInputElement>;
  };

export function CheckField({ label, ...rest }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} />
      {label}
    </label>
  );
}

/** The words of an enum, in the order of its numbers. */
export function optionsOf(names: Record<number, string>): [string, string][] {
  return Object.entries(names);
}
