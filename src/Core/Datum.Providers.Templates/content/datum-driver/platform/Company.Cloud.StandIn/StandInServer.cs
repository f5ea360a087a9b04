using System.Text.Json;

namespace Company_Cloud.StandIn;

/// <summary>The platform's REST API over HTTP on loopback.</summary>
public sealed class StandInServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private StandInServer(WebApplication app) => _app = app;

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_app.Urls.First());

    /// <summary>Starts it; port 0 takes a free one.</summary>
    public static async Task<StandInServer> StartAsync(StandInPlatform platform, int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        app.Use(async (context, next) =>
        {
            try
            {
                platform.Admit(context.Request.Headers.Authorization.ToString());
                await next();
            }
            catch (CloudException e)
            {
                await RefuseAsync(context, e);
            }
            catch (Exception e) when (e is BadHttpRequestException or JsonException)
            {
                await RefuseAsync(context, new CloudException(400, "bad_request", "The request can't be read."));
            }
        });
        app.MapGet("/v1/account", () => new { id = platform.AccountId, name = "stand-in" });
        Map(app, "/v1/networks", platform.Networks);
        Map(app, "/v1/servers", platform.Servers);
        await app.StartAsync();
        return new StandInServer(app);
    }

    /// <summary>Completes when Ctrl-C or SIGTERM has ended it.</summary>
    public Task StoppedAsync() => _app.WaitForShutdownAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static void Map<T>(WebApplication app, string path, Shelf<T> shelf) where T : Item
    {
        app.MapGet(path, (HttpRequest request) => shelf.List(
            request.Query["name"],
            [.. request.Query["label"].OfType<string>().Select(l => l.Split(':', 2)).Select(l => KeyValuePair.Create(l[0], l[^1]))],
            int.TryParse(request.Query["limit"], out var limit) ? limit : 100,
            request.Query["after"]));
        app.MapPost(path, (T wish) => Results.Json(shelf.Create(wish), statusCode: 201));
        app.MapGet(path + "/{id}", (string id) => shelf.Get(id));
        app.MapPatch(path + "/{id}", (string id, T change) => shelf.Change(id, change));
        app.MapDelete(path + "/{id}", (string id) => shelf.Delete(id) is { } leaving ? Results.Json(leaving, statusCode: 202) : Results.NoContent());
    }

    private static async Task RefuseAsync(HttpContext context, CloudException e)
    {
        context.Response.StatusCode = e.Status;
        if (e.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = ((int)wait.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        await context.Response.WriteAsJsonAsync(new { error = new { code = e.Code, message = e.Message, blockedBy = e.BlockedBy } });
    }
}
