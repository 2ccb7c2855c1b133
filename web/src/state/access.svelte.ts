/** Whether the service wants to know who asks: a key or token, once, for a cookie that no script can read. */
class Access {
  needed = $state(false);
}

export const access = new Access();
