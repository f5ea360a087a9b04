using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Datum.Providers.DevPlane;

/// <summary>A small Kubernetes-compatible API server on loopback. It learns kinds from CustomResourceDefinitions alone.</summary>
public sealed class DevPlaneServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ObjectStore store;
    private readonly Collector collector;
    private readonly PlaneToken token;
    private readonly X509Certificate2 certificate;
    private bool disposed;

    private DevPlaneServer(WebApplication app, ObjectStore store, Collector collector, PlaneCounters counters, PlaneToken token, X509Certificate2 certificate, Uri address)
    {
        (this.app, this.store, this.collector, this.token, this.certificate, Counters, Address) = (app, store, collector, token, certificate, counters, address);
    }

    /// <summary>Base address: https on loopback.</summary>
    public Uri Address { get; }

    /// <summary>The certificate (PEM, no key) that clients have to trust.</summary>
    public string CertificatePem => certificate.ExportCertificatePem();

    public int Port => Address.Port;

    public IPlaneCounters Counters { get; }

    /// <summary>Opens the state and listens.</summary>
    /// <exception cref="ArgumentException">The host isn't a loopback address.</exception>
    /// <exception cref="InvalidDataException">The state file is damaged; the message names file and offset.</exception>
    /// <exception cref="IOException">The state folder is in use, or the port is taken.</exception>
    public static async Task<DevPlaneServer> StartAsync(DevPlaneOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var address = Loopback(options.Host);
        IReadOnlyList<PlaneToken> tokens = options.Tokens.Count > 0
            ? options.Tokens
            : [new PlaneToken { Token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)) }];
        if (tokens.Any(t => string.IsNullOrWhiteSpace(t.Token))) throw new ArgumentException("A token is empty.", nameof(options));
        var logger = options.LoggerFactory.CreateLogger("Datum.Providers.DevPlane");
        var store = new ObjectStore(options.StatePath, logger, options.HistoryLimit);
        try
        {
            var registry = new KindRegistry();
            var hooks = new KindHooks(store, registry, options.CelRules, options.TimeProvider);
            foreach (var definition in store.Snapshot(BuiltInKinds.Definitions).Items.Values) hooks.Serve(definition.Parse());
            var objects = new ObjectService(store, hooks, options.TimeProvider);
            await SeedNamespacesAsync(store, registry, objects);
            var collector = new Collector(store, registry, objects, logger);
            var counters = new PlaneCounters();
            var handler = new ApiHandler(store, objects, new WatchHandler(store, options), counters, options);
            var server = new ApiServer(handler, registry, counters, tokens, logger);
            var certificate = ServerCertificate.Load(options.StatePath, options.TimeProvider);
            var app = Build(options, address, certificate);
            app.Run(server.HandleAsync);
            await app.StartAsync(cancellationToken);
            collector.Start();
            var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
            var writer = tokens.FirstOrDefault(t => t.Access == PlaneAccess.Write) ?? tokens[0];
            return new DevPlaneServer(app, store, collector, counters, writer, certificate, bound);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Writes a kubeconfig (mode 0600) for the first token with write access and returns its full path.</summary>
    public string WriteKubeconfig(string path)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var text = $$"""
            apiVersion: v1
            kind: Config
            current-context: datum-dev
            clusters:
            - name: datum-dev
              cluster:
                server: {{Address.GetLeftPart(UriPartial.Authority)}}
                certificate-authority-data: {{Convert.ToBase64String(Encoding.UTF8.GetBytes(CertificatePem))}}
            users:
            - name: {{JsonText.Quote(token.User)}}
              user:
                token: {{JsonText.Quote(token.Token)}}
            contexts:
            - name: datum-dev
              context:
                cluster: datum-dev
                user: {{JsonText.Quote(token.User)}}
                namespace: default

            """;
        // Written beside and renamed: a reader never sees half of it, and the mode is right from the first byte.
        var fresh = full + ".new";
        File.Delete(fresh);
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(fresh, how)) stream.Write(Encoding.UTF8.GetBytes(text));
        File.Move(fresh, full, overwrite: true);
        return full;
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed) return;
        disposed = true;
        // Watches end first, else the web server waits for them.
        store.EndWatches(null);
        await app.StopAsync();
        await app.DisposeAsync();
        await collector.DisposeAsync();
        store.Dispose();
        certificate.Dispose();
    }

    private static IPAddress Loopback(string host)
    {
        var address = host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out var parsed) ? parsed : null;
        if (address is not null && IPAddress.IsLoopback(address)) return address;
        throw new ArgumentException($"The embedded plane binds to loopback only and refuses '{host}': it has no roles and keeps secrets in plain files.", nameof(host));
    }

    private static WebApplication Build(DevPlaneOptions options, IPAddress address, X509Certificate2 certificate)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<Microsoft.Extensions.Logging.ILoggerFactory>(new QuietLoggerFactory(options.LoggerFactory));
        // The plane lives inside another program: signals and start-up messages are that program's.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 << 20;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(address, options.Port, listen => listen.UseHttps(certificate));
        });
        return builder.Build();
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private static async Task SeedNamespacesAsync(ObjectStore store, KindRegistry registry, ObjectService objects)
    {
        var kind = registry.ByResource(BuiltInKinds.Namespaces)!;
        foreach (var name in (string[])["default", "kube-public", "kube-system"])
        {
            if (store.GetLatest(kind.Resource, name) is not null) continue;
            var value = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } };
            await objects.CreateAsync(kind, kind.Storage, "", value, [], WriteContext.Internal());
        }
    }
}
