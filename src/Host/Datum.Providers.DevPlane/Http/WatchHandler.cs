using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

/// <summary>Streams changes. Lines of unchanged form are rendered once for all watchers.</summary>
internal sealed class WatchHandler(ObjectStore store, DevPlaneOptions options)
{
    private static readonly byte[] NewLine = [(byte)'\n'];

    public async Task HandleAsync(HttpContext context, ApiRequest request, AnswerForm form)
    {
        var selection = Selection.Parse(request.Kind, request.Version, request.Namespace, context.Text("labelSelector"), context.Text("fieldSelector"));
        var version = context.Version(watch: true);
        if (context.Text("sendInitialEvents").Length > 0)
        {
            throw ApiHandler.ListForbidden("sendInitialEvents", "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");
        }

        if (context.Text("resourceVersionMatch").Length > 0) throw ApiHandler.ListForbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        var seconds = context.Number("timeoutSeconds") ?? 0;
        var timeout = seconds > 0 ? TimeSpan.FromSeconds(seconds) : TimeSpan.FromSeconds(1800 + RandomNumberGenerator.GetInt32(1800));
        var session = new Session(context, request, form, selection, ApiHandler.IncludeObject(context), options);
        var watcher = new Watcher(options.WatchBuffer);
        try
        {
            context.Response.ContentType = Negotiation.Json;
            IReadOnlyList<Change>? missed;
            if (version is null or 0)
            {
                var (items, _) = store.WatchFromNow(request.Kind.Resource, watcher);
                missed = [.. items.Values.Select(v => new Change(request.Kind.Resource, ChangeType.Added, v, null))];
            }
            else
            {
                missed = store.Watch(request.Kind.Resource, version.Value, watcher);
            }

            if (missed is null)
            {
                await session.ErrorAsync(ApiError.Gone($"too old resource version: {version} ({store.Floor(request.Kind.Resource)})"));
                return;
            }

            await context.Response.StartAsync(context.RequestAborted);
            foreach (var change in missed) await session.SendAsync(change);
            await session.FlushAsync();
            await RunAsync(session, watcher, timeout, context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client went away: the normal end of a watch.
            return;
        }
        finally
        {
            store.Detach(request.Kind.Resource, watcher);
        }
    }

    private async Task RunAsync(Session session, Watcher watcher, TimeSpan timeout, HttpContext context)
    {
        var bookmarks = context.Flag("allowWatchBookmarks");
        var time = options.TimeProvider;
        using var deadline = new CancellationTokenSource(timeout, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, context.RequestAborted);
        var wait = watcher.Changes.WaitToReadAsync(stop.Token).AsTask();
        var bookmark = bookmarks ? Task.Delay(options.BookmarkInterval, time, stop.Token) : null;
        try
        {
            while (true)
            {
                if (bookmark is null) await wait;
                else await Task.WhenAny(wait, bookmark);
                stop.Token.ThrowIfCancellationRequested();
                // Read before the queue is emptied: every change up to it has been offered to this watcher.
                var seen = store.Version;
                while (watcher.Changes.TryRead(out var change)) await session.SendAsync(change);
                if (bookmark is { IsCompleted: true })
                {
                    await session.BookmarkAsync(seen);
                    bookmark = Task.Delay(options.BookmarkInterval, time, stop.Token);
                }

                await session.FlushAsync();
                if (!wait.IsCompleted) continue;
                if (!await wait) return;
                wait = watcher.Changes.WaitToReadAsync(stop.Token).AsTask();
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            var seen = store.Version;
            while (watcher.Changes.TryRead(out var change)) await session.SendAsync(change);
            // The last word before a planned end spares the client a relist.
            if (bookmarks) await session.BookmarkAsync(seen);
            await session.FlushAsync();
        }
    }

    private sealed class Session(HttpContext context, ApiRequest request, AnswerForm form, Selection selection, string? includeObject, DevPlaneOptions options)
    {
        private readonly bool shared = form == AnswerForm.Object && request.Version.Storage;

        public async Task SendAsync(Change change)
        {
            var now = change.Type != ChangeType.Deleted && selection.Matches(change.Value);
            var before = change.Before is not null && change.Type != ChangeType.Added && selection.Matches(change.Before);
            if (change.Type == ChangeType.Deleted) before |= change.Before is null && selection.Matches(change.Value);
            if (!now && !before) return;
            var type = now ? (before ? ChangeType.Modified : ChangeType.Added) : ChangeType.Deleted;
            if (change.Type == ChangeType.Modified && type == ChangeType.Deleted)
            {
                // It left the selection: the client gets the last state that it could see, with the version of the change.
                await WriteAsync(Render(type, StoredObject.Freeze(change.Before!.Parse(), change.Version)));
            }
            else
            {
                await WriteAsync(shared ? change.Line(type) : Render(type, change.Value));
            }
        }

        public Task BookmarkAsync(ulong version)
        {
            var value = new JsonObject
            {
                ["kind"] = request.Kind.Kind,
                ["apiVersion"] = request.Kind.ApiVersion(request.Version.Name),
                ["metadata"] = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) },
            };
            return WriteAsync(Line("BOOKMARK", form == AnswerForm.Table ? Table([], version) : form == AnswerForm.Partial ? Tables.Partial(value) : value));
        }

        public async Task ErrorAsync(ApiError error)
        {
            await WriteAsync(Line("ERROR", error.ToStatus()));
            await FlushAsync();
        }

        public Task FlushAsync() => context.Response.Body.FlushAsync(context.RequestAborted);

        private byte[] Render(ChangeType type, StoredObject stored)
        {
            if (shared) return WatchLine.Render(type, stored.Json);
            var value = stored.Parse();
            ObjectService.FromStorage(request.Kind, request.Version, value);
            return Line(type.ToString().ToUpperInvariant(), form switch
            {
                AnswerForm.Table => Table([value], stored.Version),
                AnswerForm.Partial => Tables.Partial(value),
                _ => value,
            });
        }

        private JsonObject Table(IEnumerable<JsonObject> values, ulong version) =>
            Tables.Render(request.Version, values, includeObject, options.TimeProvider.GetUtcNow(), version.ToString(CultureInfo.InvariantCulture));

        private static byte[] Line(string type, JsonObject value) => [.. JsonText.Write(new JsonObject { ["type"] = type, ["object"] = value }), .. NewLine];

        private async Task WriteAsync(byte[] line) => await context.Response.Body.WriteAsync(line, context.RequestAborted);
    }
}
