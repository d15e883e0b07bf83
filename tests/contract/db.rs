//! What every database must do: each test of the modules below runs once for each backend.

mod contacts;
mod enrolment;
mod google;
mod isolation;
mod journal;
mod lifecycle;
mod operations;
mod outbox;
mod phones;
mod reconcile;
mod redemption;
mod sales;
mod upkeep;
mod vouchers;

use crate::support::ledger::World;

macro_rules! contract {
    ($backend:ident, $open:expr) => {
        contract!($backend, $open, {
            contacts: a_card_that_waits_earns_and_does_not_spend, who_is_vouched_for_need_not_prove_anything, a_code_is_tried_five_times,
                a_code_runs_out, codes_are_sent_with_pauses, a_link_proves_unless_somebody_claimed, a_claim_hands_the_card_over,
                a_mistyped_contact_is_changed, a_profile_is_not_overwritten_unseen, who_never_came_back_is_found;
            enrolment: a_member_joins, an_identity_joins_once, a_member_takes_a_card_in_another_programme,
                card_numbers_and_passes_are_unique;
            google: a_turning_code_spends_each_step_once, two_tills_with_one_step_in_one_batch,
                a_turning_code_is_bound_to_its_pass_and_time, the_fixed_code_identifies_and_never_spends, a_used_turning_code_is_never_forgotten,
                only_what_is_on_google_is_owed_there, what_was_written_and_what_was_heard_are_kept_apart,
                google_is_asked_again_about_each_object, classes_are_remembered;
            isolation: one_organisation_sees_nothing_of_another, commands_of_two_organisations_share_a_batch;
            journal: rows_are_numbered_and_chained, a_refusal_leaves_no_row, seq_never_runs_backwards,
                a_limited_round_leaves_the_rest, only_held_passes_are_owed;
            lifecycle: a_reissue_replaces_codes_and_passes, an_erasure_leaves_nothing_personal,
                an_erasure_finds_a_voucher_of_the_same_batch, expired_codes_and_vouchers_are_swept,
                a_sweep_leaves_what_is_not_over, a_new_document_makes_passes_stale,
                codes_that_ran_out_are_forgotten, codes_are_forgotten_in_bites;
            operations: a_repeat_hears_the_same_bytes, a_refusal_is_repeated_as_well, another_command_under_the_key_is_refused, a_right_that_is_missing_is_no_outcome,
                a_revoked_key_commits_nothing_more,
                an_abandoned_operation_never_runs, abandoning_what_ran_tells_its_outcome, a_twin_in_the_same_batch_is_a_repeat,
                a_forgotten_answer_still_runs_nothing, a_guilty_command_fails_alone, documents_have_versions,
                two_versions_in_one_batch_are_both_kept, a_kill_switch_binds_the_next_commit;
            outbox: changes_coalesce, a_lease_keeps_others_away, a_change_while_claimed_stays_owed, later_and_dead,
                a_dead_letter_is_replayed_or_dropped, the_earliest_is_claimed_first;
            phones: a_phone_registers_and_leaves, the_list_and_its_tag, an_older_pass_registered_later,
                a_change_between_download_and_registration_is_owed, the_most_silent_phone_makes_way,
                a_dead_push_token_is_forgotten, a_delivered_void_pass_is_forgotten, logs_are_kept_within_bounds,
                a_delivery_is_told_whole;
            reconcile: codes_of_earlier_epochs_are_listed_by_their_hashes, a_code_of_a_pass_is_renewed, a_voucher_that_expires_is_renewed_no_longer,
                codes_that_live_for_minutes_end, a_lost_capture_of_a_voucher_comes_back, a_lost_capture_of_other_codes_ends_them,
                what_needs_no_settling_is_left_alone, a_code_is_settled_once, an_id_that_is_not_the_witness_brings_nothing_back;
            redemption: a_card_code_is_captured_once, a_live_code_spends_beyond_the_limit, a_typed_code_works_and_expires,
                twenty_lines_are_all_or_none, refusals_name_the_reason, asking_only_changes_nothing,
                a_reversal_gives_points_back_once, a_late_or_foreign_reversal_needs_a_manager,
                codes_from_before_a_restore_need_a_manager, places_that_are_switched_off_refuse;
            sales: a_sale_earns, a_receipt_counts_once, returns_in_parts, a_return_of_spent_points_is_debt_repaid_first,
                sales_in_another_currency_are_refused, a_correction_needs_the_points, entries_are_paged_in_order;
            upkeep: a_programme_switched_off_refuses, the_high_water_rises, health_and_figures, members_are_paged;
            vouchers: a_voucher_holds_its_points, a_cancelled_voucher_gives_points_back, a_voucher_is_captured_and_reversed,
                vouchers_are_bounded_and_paid, a_voucher_is_for_its_own_reward;
        });
    };
    ($backend:ident, $open:expr, { $($module:ident: $($test:ident),*;)* }) => {
        mod $backend {
            $(mod $module {
                $(#[tokio::test]
                async fn $test() {
                    super::super::$module::$test($open.await).await;
                })*
            })*
        }
    };
}

contract!(memory, crate::support::ledger::World::on_memory());
contract!(sqlite, crate::support::ledger::World::on_sqlite());
contract!(postgres, crate::support::ledger::World::on_postgres());

/// Sequences everything that waits.
async fn sequence(world: &World) -> walaa::db::Sequenced {
    world.db.sequence(1_000, world.now()).await.expect("sequences")
}
