using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
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

    /// <summary>Protocol and connection of each request, in order.</summary>
    public ConcurrentQueue<string> Connections { get; } = new();

    public ConcurrentQueue<IHeaderDictionary> Headers { get; } = new();

    public int Lists => Requests.Count(r => r.StartsWith("GET", StringComparison.Ordinal) && !r.Contains("watch=true", StringComparison.Ordinal));

    public int Watches => Requests.Count(r => r.Contains("watch=true", StringComparison.Ordinal));

    public Uri Address { get; private set; } = null!;

    public static Task<ScriptedServer> StartAsync(Func<HttpContext, int, CancellationToken, Task> answer) =>
        StartAsync(answer, l => l.Protocols = HttpProtocols.Http1);

    /// <summary>A server over TLS that takes any client certificate, or none.</summary>
    public static Task<ScriptedServer> StartTlsAsync(X509Certificate2 certificate, HttpProtocols protocols, Func<HttpContext, int, CancellationToken, Task> answer) => StartAsync(answer, l =>
    {
        l.Protocols = protocols;
        l.UseHttps(o =>
        {
            o.ServerCertificate = certificate;
            o.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            o.ClientCertificateValidation = (_, _, _) => true;
        });
    });

    private static async Task<ScriptedServer> StartAsync(Func<HttpContext, int, CancellationToken, Task> answer, Action<ListenOptions> listen)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, listen));
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var server = new ScriptedServer(app);
        var number = 0;
        app.Run(async context =>
        {
            var mine = Interlocked.Increment(ref number);
            server.Headers.Enqueue(new HeaderDictionary(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value)));
            server.Connections.Enqueue($"{context.Request.Protocol} {context.Connection.Id}");
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
