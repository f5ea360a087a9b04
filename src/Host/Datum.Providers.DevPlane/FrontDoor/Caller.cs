using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

/// <summary>Who sent a request and what he may do on the plane that it is for.</summary>
internal sealed record Caller(string User, PlaneAccess Access)
{
    public const string AnonymousUser = "system:anonymous";

    public static readonly Caller Anonymous = new(AnonymousUser, PlaneAccess.Unknown);
}

/// <summary>Tells who calls one plane.</summary>
internal interface IPlaneAuthority
{
    /// <summary>Null where the request carries a credential that nobody knows (any more): 401.</summary>
    Caller? Identify(HttpContext context);
}

/// <summary>For planes behind the front door, which has identified the caller before.</summary>
internal sealed class IdentifiedBefore : IPlaneAuthority
{
    public static readonly IdentifiedBefore Instance = new();

    public Caller? Identify(HttpContext context) => context.Features.Get<Caller>();
}

/// <summary>The core plane's view of the tokens.</summary>
internal sealed class CoreAuthority(TokenBook book) : IPlaneAuthority
{
    public Caller? Identify(HttpContext context)
    {
        if (context.Request.Headers.Authorization.Count == 0) return Caller.Anonymous;
        if (book.Find(context) is not { } grant) return null;
        book.EndWith(context, grant);
        return new Caller(grant.Subject, grant.OnCore);
    }
}
