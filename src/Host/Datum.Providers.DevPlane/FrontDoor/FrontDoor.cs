using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Leads each request to its plane. Who may not even read a plane gets one answer, whether that plane is there or not: 403 for
/// system:anonymous. Rights are looked up for the plane that the same parsed path leads to, so no spelling reaches another one.
/// </summary>
internal sealed partial class FrontDoor(IReadOnlyList<PlaneKind> kinds, Plane core, PlaneDirectory directory, TokenBook book, OAuthEndpoints endpoints)
{
    private const string Suffix = "/control-plane";

    public Task HandleAsync(HttpContext context) => core.Server.GuardAsync(context, RouteAsync);

    /// <summary>The plane that a path leads to, and how much of the path names it. Only the exact spelling does.</summary>
    internal static (PlaneKind Kind, string Id, int Length)? Match(string path, IReadOnlyList<PlaneKind> kinds)
    {
        foreach (var kind in kinds)
        {
            foreach (var prefix in kind.Paths)
            {
                if (!path.StartsWith(prefix, StringComparison.Ordinal) || path.Length <= prefix.Length || path[prefix.Length] != '/') continue;
                var from = prefix.Length + 1;
                var to = path.IndexOf('/', from);
                if (to < 0 || !path.AsSpan(to).StartsWith(Suffix)) continue;
                var end = to + Suffix.Length;
                if (end < path.Length && path[end] != '/') continue;
                var id = path[from..to];
                if (Name().IsMatch(id)) return (kind, id, end);
            }
        }

        return null;
    }

    private async Task RouteAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        if (await endpoints.TryAsync(context, path)) return;
        if (Match(path, kinds) is not { } match)
        {
            await core.Server.RouteAsync(context);
            return;
        }

        var (kind, id, length) = match;
        var rest = length == path.Length ? "/" : path[length..];
        var grant = book.Find(context);
        var access = grant?.On(kind, id, directory.OwnerOf(kind, id)) ?? PlaneAccess.Unknown;
        if (access == PlaneAccess.Unknown) throw ApiServer.Denied(Caller.AnonymousUser, context.Request.Method, ApiRequest.Parse(rest, core.Registry), rest);
        var child = directory.Find(kind, id) is { Owner: not null } found ? found : throw Absent(kind, id);
        context.Features.Set(new Caller(grant!.Subject, access));
        context.Request.PathBase = path[..length];
        context.Request.Path = rest;
        book.EndWith(context, grant, child.Ended);
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)) await child.Plane.Server.RouteAsync(context);
        else await WriteAsync(context, child);
    }

    private async Task WriteAsync(HttpContext context, ChildPlane child)
    {
        child.EnterWrite();
        try
        {
            await child.Plane.Server.RouteAsync(context);
        }
        catch (ObjectDisposedException) when (child.Ended.IsCancellationRequested)
        {
            throw Absent(child.Kind, child.Id);
        }
        finally
        {
            child.LeaveWrite();
            if (child.Ending) directory.Wake(child);
        }
    }

    private ApiError Absent(PlaneKind kind, string id) => directory.OwnerOf(kind, id) is null
        ? ApiError.NotFound(kind.Resources[0].Group, kind.Resources[0].Plural, id)
        : ApiError.NotReady($"the control plane of {kind.Context} {id} isn't ready");

    /// <summary>What the API accepts as the name of an object: a DNS subdomain.</summary>
    [GeneratedRegex(@"\A(?=.{1,253}\z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex Name();
}
