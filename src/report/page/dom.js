// Making elements. Texts are only ever set as text, so what a log says stays text.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children = []) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === 'vars') {
      // The policy forbids style attributes; single properties may be set.
      for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element of the page. */
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** An element of a drawing. */
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const byId = (id) => document.getElementById(id);

/** Tells a screen reader. */
function say(message) {
  byId('said').textContent = message;
}

let numbered = 0;
const fresh = (prefix) => `${prefix}-${numbered += 1}`;
