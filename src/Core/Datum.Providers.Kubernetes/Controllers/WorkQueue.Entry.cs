namespace Datum.Providers.Kubernetes.Controllers;

/// <content>What the queue knows of one key.</content>
public sealed partial class WorkQueue<TKey>
{
    private sealed class Entry(TKey key, Lane lane)
    {
        public TKey Key { get; } = key;

        /// <summary>Found anew each time the key begins to wait: an account may have become known meanwhile.</summary>
        public Lane Lane { get; set; } = lane;
        public WorkPriority? Queued { get; set; }
        public long Ticket { get; set; }
        public long Since { get; set; }
        public bool Processing { get; set; }
        public WorkPriority? Again { get; set; }
        public DateTimeOffset? Due { get; set; }
        public WorkPriority DuePriority { get; set; }
        public long DueTicket { get; set; }
        public int Failures { get; set; }
    }
}
