/** Who is told of what happens to one collection. */
import { request } from './request';
import type { components } from './schema';

type Schemas = components['schemas'];
export type Webhook = Schemas['WebhookInfo'];
export type NewWebhook = Schemas['NewWebhookInfo'];
export type Delivery = Schemas['DeliveryInfo'];

export class WebhooksApi {
  readonly #path: string;

  constructor(collection: string) {
    this.#path = `/v1/collections/${encodeURIComponent(collection)}/webhooks`;
  }

  list = (after = '') => request<Schemas['WebhookPage']>('GET', this.#path, { query: { after, limit: 100 } });
  add = (url: string, types: string[]) => request<NewWebhook>('POST', this.#path, { body: { url, types } });
  turn = (id: string, enabled: boolean) => request<Webhook>('PATCH', `${this.#path}/${id}`, { body: { enabled } });
  remove = (id: string) => request<Schemas['Removed']>('DELETE', `${this.#path}/${id}`);
  rotate = (id: string) => request<NewWebhook>('POST', `${this.#path}/${id}/secret`, { body: { overlap_hours: 24 } });
  ping = (id: string) => request<Delivery>('POST', `${this.#path}/${id}/ping`);
  replay = (id: string, after: number) => request<Webhook>('POST', `${this.#path}/${id}/replay`, { body: { after } });
  deliveries = (id: string, before?: number, limit = 20) =>
    request<Schemas['DeliveryPage']>('GET', `${this.#path}/${id}/deliveries`, { query: { before, limit } });
}
