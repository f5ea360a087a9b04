using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>An HTTP server on loopback that answers as the test says, for what a real server does rarely.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stop = new();

    private ScriptedServer(WebApplication app)
    {
        _app = app;
    }

    /// <summary>Method, path and query of each request, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public ConcurrentQueue<IHeaderDictionary> Headers { get; } = new();

    public int Lists => Requests.Count(r => r.StartsWith("GET", StringComparison.Ordinal) && !r.Contains("watch=true", StringComparison.Ordinal));

    public int Watches => Requests.Count(r => r.Contains("watch=true", StringComparison.Ordinal));

    public Uri Address { get; private set; } = null!;

    public static async Task<ScriptedServer> StartAsync(Func<HttpContext, int, CancellationToken, Task> answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http1));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var server = new ScriptedServer(app);
        var number = 0;
        app.Run(async context =>
        {
            var mine = Interlocked.Increment(ref number);
            server.Headers.Enqueue(new HeaderDictionary(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value)));
            server.Requests.Enqueue($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, server._stop.Token);
            try
            {
                await answer(context, mine, ended.Token);
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested)
            {
                context.Abort();
            }
        });
        await app.StartAsync();
        server.Address = new Uri(app.Urls.Single());
        return server;
    }

    public KubernetesClient Client(KubernetesClientOptions? options = null) => new(new KubernetesConnection { Server = Address, Token = "t0ken" }, options);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _stop.Dispose();
    }

    public static bool IsWatch(HttpContext context) => context.Request.Query.ContainsKey("watch");

    public static string Item(string name, int version, string spec = """{"replicas":1}""") =>
        $$$"""{"apiVersion":"tests.example.com/v1","kind":"Widget","metadata":{"namespace":"ns","name":"{{{name}}}","uid":"uid-{{{name}}}","resourceVersion":"{{{version}}}"},"spec":{{{spec}}}}""";

    public static Task ListAsync(HttpContext context, int version, params string[] items) =>
        JsonAsync(context, 200, $$$"""{"kind":"WidgetList","apiVersion":"tests.example.com/v1","items":[{{{string.Join(',', items)}}}],"metadata":{"resourceVersion":"{{{version}}}"}}""");

    public static Task StatusAsync(HttpContext context, int code, string reason) =>
        JsonAsync(context, code, $$$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"scripted","reason":"{{{reason}}}","code":{{{code}}}}""");

    public static async Task JsonAsync(HttpContext context, int code, string body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }

    public static async Task EventAsync(HttpContext context, string type, string body)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($$$"""{"type":"{{{type}}}","object":{{{body}}}}""" + "\n"));
        await context.Response.Body.FlushAsync();
    }

    public static string Bookmark(int version) => $$$"""{"kind":"Widget","apiVersion":"tests.example.com/v1","metadata":{"resourceVersion":"{{{version}}}"}}""";

    public static Task HoldAsync(CancellationToken ended) => Task.Delay(Timeout.Infinite, ended);
}
