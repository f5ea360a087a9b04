using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Keeps one plane for every object of the configured kinds: opened after the object holds our finalizer, emptied and removed before the
/// finalizer goes. A plane's folder carries its object's uid, so a new object of an old name starts empty.
/// </summary>
internal sealed partial class PlaneDirectory : IAsyncDisposable
{
    private const string Folders = "planes";

    private readonly DevPlaneOptions options;
    private readonly FrontDoorOptions door;
    private readonly Plane core;
    private readonly ILogger logger;
    private readonly Dictionary<string, PlaneKind> makers;
    private readonly ConcurrentDictionary<(string Context, string Id), ChildPlane> planes = new();
    private readonly ConcurrentDictionary<(string Context, string Id), string> broken = new();
    private readonly Channel<(Plane Source, string Resource, string Name)> work = Channel.CreateUnbounded<(Plane, string, string)>(new UnboundedChannelOptions { SingleReader = true });
    private Task loop = Task.CompletedTask;

    public PlaneDirectory(DevPlaneOptions options, FrontDoorOptions door, Plane core, ILogger logger)
    {
        (this.options, this.door, this.core, this.logger) = (options, door, core, logger);
        makers = door.Kinds.SelectMany(k => k.Resources.Select(r => (r.Key, Kind: k))).ToDictionary(m => m.Key, m => m.Kind, StringComparer.Ordinal);
        core.Collector.ContentElsewhere = DeleteContentAsync;
    }

    public ChildPlane? Find(PlaneKind kind, string id) => planes.GetValueOrDefault((kind.Context, id));

    /// <summary>The object that has, or is about to have, the plane of this name.</summary>
    public StoredObject? OwnerOf(PlaneKind kind, string id) =>
        // A plane whose object is gone is nobody's: another object of the name gets its own, later.
        Find(kind, id) is { } child ? child.Owner : Sources(kind).SelectMany(s => kind.Resources.Select(r => s.Store.Get(r.Key, id))).FirstOrDefault(o => o is not null);

    /// <summary>Opens the planes of all objects that are there, those first that have theirs already; then follows the changes.</summary>
    public async Task StartAsync()
    {
        Follow(core);
        // Kinds that are made in others' planes come after those.
        foreach (var kind in door.Kinds.OrderBy(k => k.AlsoMadeIn.Count))
        {
            var owners = Sources(kind).SelectMany(s => kind.Resources.SelectMany(r => s.Store.Snapshot(r.Key).Items.Values.Select(v => (Source: s, r.Key, Value: v)))).ToList();
            foreach (var (source, resource, value) in owners.OrderByDescending(o => MetadataRules.Finalizers(o.Value.Parse()).Contains(door.Finalizer)).ThenBy(o => o.Value.Version))
            {
                await TryAsync(source, resource, value.Name);
            }
        }

        ReportOrphans();
        loop = LoopAsync();
    }

    /// <summary>Ends all watches, so that the web server needn't wait for them.</summary>
    public void EndWatches()
    {
        foreach (var child in planes.Values) child.Plane.Store.EndWatches(null);
    }

    public void Wake(ChildPlane child) => work.Writer.TryWrite((child.Source, child.Resource, child.Id));

    public async ValueTask DisposeAsync()
    {
        work.Writer.TryComplete();
        await loop;
        foreach (var child in planes.Values) await child.DisposeAsync();
        planes.Clear();
    }

    private IEnumerable<Plane> Sources(PlaneKind kind) => planes.Values.Where(c => kind.AlsoMadeIn.Contains(c.Kind.Context)).Select(c => c.Plane).Prepend(core);

    /// <summary>Runs under the store's lock: it only notes.</summary>
    private void Follow(Plane source) => source.Store.Committed += change =>
    {
        var removed = ReferenceEquals(source, core) && change.Resource == BuiltInKinds.Definitions && change.Type == ChangeType.Deleted;
        if (removed || makers.ContainsKey(change.Resource)) work.Writer.TryWrite((source, change.Resource, change.Value.Name));
    };

    private void Follow(ChildPlane child)
    {
        if (door.Kinds.Any(k => k.AlsoMadeIn.Contains(child.Kind.Context))) Follow(child.Plane);
        child.Plane.Store.Committed += change =>
        {
            if (change.Type != ChangeType.Deleted) return;
            if (child.Ending) Wake(child);
            var slash = change.Resource.IndexOf('/', StringComparison.Ordinal);
            if (slash > 0) core.Collector.Wake(BuiltInKinds.Definitions, $"{change.Resource[(slash + 1)..]}.{change.Resource[..slash]}");
        };
    }

    private async Task LoopAsync()
    {
        await foreach (var (source, resource, name) in work.Reader.ReadAllAsync().ConfigureAwait(false)) await TryAsync(source, resource, name);
    }

    private async Task TryAsync(Plane source, string resource, string name)
    {
        try
        {
            if (resource == BuiltInKinds.Definitions) EndWatchesOf(name);
            else await ReconcileAsync(source, resource, makers[resource], name);
        }
        catch (Exception e) when (e is ApiError { Code: 404 or 409 } or ObjectDisposedException)
        {
            // Somebody else changed it, or the server stops: the change, or the next start, brings it back here.
            Postponed(logger, resource, name, e.Message);
        }
        catch (Exception e)
        {
            Failed(logger, resource, name, e);
        }
    }

    /// <summary>A removed definition's objects are gone everywhere; who watches them is told so by the end of the stream.</summary>
    private void EndWatchesOf(string definition)
    {
        var dot = definition.IndexOf('.', StringComparison.Ordinal);
        foreach (var child in planes.Values) child.Plane.Store.EndWatches($"{definition[(dot + 1)..]}/{definition[..dot]}");
    }

    private async Task ReconcileAsync(Plane source, string resource, PlaneKind kind, string name)
    {
        var value = source.Store.GetLatest(resource, name);
        var child = Find(kind, name);
        var itsChild = child is not null && ReferenceEquals(child.Source, source) && child.Resource == resource;
        if (itsChild && child!.OwnerUid != value?.Uid)
        {
            // Somebody took our finalizer off: the plane has nobody left who could reach it.
            Unheld(logger, kind.Context, name);
            await RemoveAsync(child);
            (child, itsChild) = (null, false);
        }

        if (broken.TryGetValue((kind.Context, name), out var uid) && OwnerOf(kind, name)?.Uid != uid) broken.TryRemove((kind.Context, name), out _);
        if (value is null || source.Registry.ByResource(resource) is not { Namespaced: false } served) return;
        var held = MetadataRules.Finalizers(value.Parse()).Contains(door.Finalizer);
        if (child is not null && !itsChild)
        {
            if (!value.Deleting) await SayAsync(source, served, kind, name, "False", "NameTaken", $"The name is in use by another {kind.Context}, whose control plane it has.");
            return;
        }

        if (value.Deleting)
        {
            if (held) await EndAsync(source, served, kind, value, child);
            return;
        }

        if (!held) await PatchAsync(source, served, name, status: false, AddFinalizer);
        child ??= await OpenOrSayAsync(source, served, kind, value);
        if (child is not null) await SayAsync(source, served, kind, name, "True", "Available", "The control plane is served.");
    }

    /// <summary>Null where its state can't be read: that plane isn't served, the others are.</summary>
    private async Task<ChildPlane?> OpenOrSayAsync(Plane source, ResourceKind served, PlaneKind kind, StoredObject owner)
    {
        try
        {
            return await OpenAsync(source, served.Resource, kind, owner);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            broken[(kind.Context, owner.Name)] = owner.Uid;
            Unopened(logger, kind.Context, owner.Name, e);
            await SayAsync(source, served, kind, owner.Name, "False", "StateUnreadable", "The control plane's state can't be read; the server's log says why.");
            return null;
        }
    }

    private async Task<ChildPlane> OpenAsync(Plane source, string resource, PlaneKind kind, StoredObject owner)
    {
        var folder = options.StatePath is null ? null : Path.Combine(options.StatePath, Folders, owner.Uid);
        var child = new ChildPlane(kind, owner.Name, source, resource, owner.Uid, folder);
        var registry = new KindRegistry(core.Registry, k => IsServed(k, kind.Context));
        child.Plane = await Plane.OpenAsync(options, folder, registry, IdentifiedBefore.Instance, logger, (context, request) => InterceptAsync(child, context, request));
        broken.TryRemove((kind.Context, owner.Name), out _);
        Follow(child);
        child.Plane.Collector.Start();
        planes[(kind.Context, owner.Name)] = child;
        Opened(logger, kind.Context, owner.Name);
        return child;
    }

    /// <summary>Definitions stand in the core plane; each says in an annotation which planes serve it.</summary>
    private bool IsServed(ResourceKind kind, string context)
    {
        if (kind.BuiltIn) return true;
        if (makers.TryGetValue(kind.Resource, out var maker) && !maker.AlsoMadeIn.Contains(context)) return false;
        var definition = core.Store.GetLatest(BuiltInKinds.Definitions, $"{kind.Plural}.{kind.Group}")?.Parse();
        var contexts = JsonText.String(definition?["metadata"]?["annotations"]?[door.ContextsAnnotation]);
        return contexts is null || contexts.Split(',', StringSplitOptions.TrimEntries).Contains(context);
    }

    private async Task<bool> InterceptAsync(ChildPlane child, HttpContext context, ApiRequest request)
    {
        if (request.Kind.Resource == BuiltInKinds.Definitions)
        {
            if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
            {
                throw ApiError.Forbidden(request.Kind.Group, request.Kind.Plural, request.Name, "definitions are installed in the core control plane, which shares them with all others");
            }

            await core.Handler.HandleAsync(context, request);
            return true;
        }

        if (child.Ending && HttpMethods.IsPost(context.Request.Method))
        {
            throw ApiError.Forbidden(request.Kind.Group, request.Kind.Plural, request.Name, $"unable to create new content in {child.Kind.Context} {child.Id} because it is being terminated");
        }

        return false;
    }

    private void AddFinalizer(JsonObject value)
    {
        var meta = (JsonObject)value["metadata"]!;
        if (meta["deletionTimestamp"] is not null) return;
        if (meta["finalizers"] is not JsonArray finalizers) meta["finalizers"] = finalizers = [];
        if (!finalizers.Any(f => JsonText.String(f) == door.Finalizer)) finalizers.Add((JsonNode)door.Finalizer);
    }

    private static async Task SayAsync(Plane source, ResourceKind served, PlaneKind kind, string name, string status, string reason, string message)
    {
        // Without a status there is nowhere to say it.
        if (!served.Storage.HasStatus) return;
        await PatchAsync(source, served, name, status: true, value =>
        {
            if (value["status"] is not JsonObject state) value["status"] = state = [];
            if (state["conditions"] is not JsonArray conditions) state["conditions"] = conditions = [];
            var old = conditions.OfType<JsonObject>().FirstOrDefault(c => JsonText.String(c["type"]) == kind.ReadyCondition);
            var since = old is not null && JsonText.String(old["status"]) == status ? JsonText.String(old["lastTransitionTime"]) : null;
            var fresh = new JsonObject { ["type"] = kind.ReadyCondition, ["status"] = status, ["lastTransitionTime"] = since ?? source.Objects.Now(), ["reason"] = reason, ["message"] = message };
            if (value["metadata"]?["generation"] is { } generation) fresh["observedGeneration"] = generation.DeepClone();
            if (old is null) conditions.Add(fresh);
            else if (!JsonNode.DeepEquals(old, fresh)) conditions[conditions.IndexOf(old)] = fresh;
        });
    }

    private static Task PatchAsync(Plane source, ResourceKind served, string name, bool status, Action<JsonObject> change) =>
        source.Objects.PatchAsync(served, served.Storage, "", name, status, value =>
        {
            change(value);
            return value;
        }, WriteContext.Internal());

    /// <summary>Folders that no object has are reported and left: nothing is deleted on a guess.</summary>
    private void ReportOrphans()
    {
        var root = options.StatePath is null ? null : Path.Combine(options.StatePath, Folders);
        if (root is null || !Directory.Exists(root) || !broken.IsEmpty) return;
        var owned = planes.Values.Select(c => c.OwnerUid).ToHashSet(StringComparer.Ordinal);
        foreach (var folder in Directory.EnumerateDirectories(root).Where(f => !owned.Contains(Path.GetFileName(f)))) Orphan(logger, folder);
    }

    [LoggerMessage(42, LogLevel.Information, "The control plane of {Context} {Name} is served.")]
    private static partial void Opened(ILogger logger, string context, string name);

    [LoggerMessage(43, LogLevel.Information, "The control plane of {Context} {Name} is removed.")]
    private static partial void Removed(ILogger logger, string context, string name);

    [LoggerMessage(44, LogLevel.Error, "The control plane of {Context} {Name} can't be opened; it isn't served.")]
    private static partial void Unopened(ILogger logger, string context, string name, Exception exception);

    [LoggerMessage(45, LogLevel.Warning, "The object of {Context} {Name} went without waiting for its control plane, which is removed with everything in it.")]
    private static partial void Unheld(ILogger logger, string context, string name);

    [LoggerMessage(46, LogLevel.Warning, "No object has the control plane in {Folder}. It is left as it is.")]
    private static partial void Orphan(ILogger logger, string folder);

    [LoggerMessage(47, LogLevel.Debug, "The control plane of {Resource} {Name} waits: {Why}")]
    private static partial void Postponed(ILogger logger, string resource, string name, string why);

    [LoggerMessage(48, LogLevel.Error, "The control plane of {Resource} {Name} failed.")]
    private static partial void Failed(ILogger logger, string resource, string name, Exception exception);
}
