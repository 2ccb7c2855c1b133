/** What is searched for and does not fit into an address: a picture from outside. */
class Asked {
  picture = $state.raw<File | null>(null);
}

export const asked = new Asked();
