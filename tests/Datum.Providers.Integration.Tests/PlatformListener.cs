using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Datum.Providers.Drivers.Simulator;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Integration.Tests;

/// <summary>A request that changes something, as the platform saw it.</summary>
/// <param name="Process">The process whose connection it came on; 0 when that is gone.</param>
internal sealed record Mutation(DateTimeOffset At, DateTimeOffset Done, string Method, string Path, int Process);

/// <summary>The simulated platform behind a socket, outside of every host; it notes who changes what when.</summary>
internal sealed class PlatformListener : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _wire;
    private readonly ConcurrentDictionary<string, int> _owners = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Mutation> _mutations = new();

    private PlatformListener(SimulatorKnobs knobs)
    {
        Cloud = new SimulatedCloud(TimeProvider.System, knobs: knobs);
        _wire = new HttpMessageInvoker(new SimulatedCloudHandler(Cloud, TimeProvider.System));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public SimulatedCloud Cloud { get; }

    public string Address => _app.Urls.First();

    public IReadOnlyList<Mutation> Mutations => [.. _mutations];

    /// <summary>The processes that may be named in <see cref="Mutations"/>.</summary>
    public IReadOnlyList<int> Processes { get; set; } = [];

    public static async Task<PlatformListener> StartAsync(SimulatorKnobs knobs)
    {
        var listener = new PlatformListener(knobs);
        await listener._app.StartAsync();
        return listener;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _wire.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var at = DateTimeOffset.UtcNow;
        var changes = !HttpMethods.IsGet(context.Request.Method);
        var process = changes ? _owners.GetOrAdd(context.Connection.Id, _ => OwnerOf(context.Connection.RemotePort)) : 0;
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri($"http://cloud.test{context.Request.Path}{context.Request.QueryString}"))
        {
            Content = new ByteArrayContent(body.ToArray()),
        };
        foreach (var (name, value) in context.Request.Headers)
            request.Headers.TryAddWithoutValidation(name, value.ToArray());
        // What the platform began it ends, whether the caller still listens or not.
        using var response = await _wire.SendAsync(request, CancellationToken.None);
        if (changes)
            _mutations.Enqueue(new Mutation(at, DateTimeOffset.UtcNow, context.Request.Method, context.Request.Path, process));
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
            context.Response.Headers[name] = values.ToArray();
        await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    /// <summary>The process that holds the other end of a connection, by the kernel's tables.</summary>
    private int OwnerOf(int port)
    {
        var end = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        var socket = new[] { "/proc/net/tcp", "/proc/net/tcp6" }.Where(File.Exists).SelectMany(File.ReadLines)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).FirstOrDefault(f => f.Length > 9 && f[1].EndsWith(end, StringComparison.Ordinal))?[9];
        return Processes.FirstOrDefault(p => Directory.Exists($"/proc/{p}/fd")
            && Directory.EnumerateFileSystemEntries($"/proc/{p}/fd").Any(f => new FileInfo(f).LinkTarget == $"socket:[{socket}]"));
    }
}
