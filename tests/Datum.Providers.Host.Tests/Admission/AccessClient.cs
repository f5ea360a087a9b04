using Datum.Providers.Host.Admission;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>An API server that answers access reviews and nothing else.</summary>
internal sealed class AccessClient : IKubernetesClient
{
    public List<SubjectAccessReview> Asked { get; } = [];

    /// <summary>Whether a user may; throws where a server would refuse to say.</summary>
    public Func<SubjectAccessReview, CancellationToken, Task<bool>> May { get; set; } = (_, _) => Task.FromResult(true);

    public async Task<T> CreateAsync<T>(ResourceType<T> type, T value, CancellationToken cancellation) where T : KubeObject
    {
        var review = (SubjectAccessReview)(object)value;
        lock (Asked)
            Asked.Add(review);
        review.Status = new AccessReviewStatus { Allowed = await May(review, cancellation) };
        return value;
    }

    public Task<T?> FindAsync<T>(ResourceType<T> type, ObjectKey key, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

    public Task<Kubernetes.ListPage<T>> ListAsync<T>(ResourceType<T> type, ListOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

    public Task<T> PatchAsync<T>(ResourceType<T> type, ObjectKey key, Patch patch, string? subresource, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

    public Task DeleteAsync<T>(ResourceType<T> type, ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();

    public IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceType<T> type, WatchOptions options, CancellationToken cancellation) where T : KubeObject => throw new NotSupportedException();
}
