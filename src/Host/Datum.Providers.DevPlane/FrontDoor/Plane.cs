using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane;

/// <summary>One object space: its own objects, versions, watches, page tokens, owner collection, counters and log.</summary>
internal sealed class Plane : IAsyncDisposable
{
    /// <summary>Namespaces that every plane has from its start and that can't be deleted.</summary>
    public static readonly IReadOnlyList<string> SeededNamespaces = ["default", "kube-public", "kube-system"];

    private bool disposed;

    private Plane(ObjectStore store, KindRegistry registry, ObjectService objects, Collector collector, PlaneCounters counters, ApiHandler handler, ApiServer server)
    {
        (Store, Registry, Objects, Collector, Counters, Handler, Server) = (store, registry, objects, collector, counters, handler, server);
    }

    public ObjectStore Store { get; }
    public KindRegistry Registry { get; }
    public ObjectService Objects { get; }
    public Collector Collector { get; }
    public PlaneCounters Counters { get; }
    public ApiHandler Handler { get; }
    public ApiServer Server { get; }

    /// <param name="folder">Folder of its log; null keeps it in memory.</param>
    /// <exception cref="InvalidDataException">The log is damaged.</exception>
    /// <exception cref="IOException">The folder is in use or can't be written.</exception>
    public static async Task<Plane> OpenAsync(
        DevPlaneOptions options, string? folder, KindRegistry registry, IPlaneAuthority authority, ILogger logger, Func<HttpContext, ApiRequest, Task<bool>>? intercept = null)
    {
        var store = new ObjectStore(folder, logger, options.HistoryLimit);
        try
        {
            var hooks = new KindHooks(store, registry, options.CelRules, options.TimeProvider);
            foreach (var definition in store.Snapshot(BuiltInKinds.Definitions).Items.Values) hooks.Serve(definition.Parse());
            var objects = new ObjectService(store, hooks, options.TimeProvider);
            await SeedNamespacesAsync(store, registry, objects);
            var counters = new PlaneCounters();
            var handler = new ApiHandler(store, objects, new WatchHandler(store, options), counters, options);
            var server = new ApiServer(handler, registry, counters, authority, logger) { Intercept = intercept };
            return new Plane(store, registry, objects, new Collector(store, registry, objects, logger), counters, handler, server);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed) return;
        disposed = true;
        Store.EndWatches(null);
        await Collector.DisposeAsync();
        Store.Dispose();
    }

    private static async Task SeedNamespacesAsync(ObjectStore store, KindRegistry registry, ObjectService objects)
    {
        var kind = registry.ByResource(BuiltInKinds.Namespaces)!;
        foreach (var name in SeededNamespaces)
        {
            if (store.GetLatest(kind.Resource, StoredObject.KeyOf("", name)) is not null) continue;
            var value = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } };
            await objects.CreateAsync(kind, kind.Storage, "", value, [], WriteContext.Internal());
        }
    }
}
